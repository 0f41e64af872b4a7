"""Child processes that say when they are ready and that never outlive their parent.

The parent holds the write end of each child's standard input and never writes to it. However the
parent ends, also by SIGKILL, the operating system closes that end, the child reads the end of
file and stops. The same works on Linux, macOS and Windows, and needs neither process names nor
signals. Python children opt in with `exit_with_parent`, Node children with
`local/azurite/exit_with_parent.cjs`.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from local.errors import ChildError

LIFELINE = "LIFELINE_ON_STDIN"
"""Set in a child's environment: standard input is the lifeline, see `exit_with_parent`."""

_WINDOWS = sys.platform == "win32"
_REMEMBERED_LINES = 1000
_LINES_IN_ERROR = 20


def _private(name: str, flags: int) -> int:
    """Open a log for its owner only, and through no link: it may name users."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


class Child:
    """One child process in its own process group; its output goes to a log file.

    `command` is the program with its arguments, `log` the file that standard output and standard
    error are appended to, `name` is for messages. `environment` is added to `inherited`, which is
    this process's own unless given; what is changed there counts from the next start.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        inherited: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        inherited = os.environ if inherited is None else inherited
        self.environment = {**inherited, **(environment or {}), LIFELINE: "1"}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lines: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._news = threading.Condition()
        self._output_ended = False

    @property
    def pid(self) -> int:
        """The process id; raises `ChildError` before `start`."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Everything in the log so far, over all starts."""
        return self.log.read_text(errors="replace")

    def start(self) -> None:
        """Start the process; raises `ChildError` if it runs already or cannot be started."""
        if self.running:
            raise ChildError(f"{self.name} is already running with process id {self.pid}")
        self._lines.clear()
        self._output_ended = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab", opener=_private) as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the caller's own command
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=self.environment,
                    cwd=self._folder,
                    # Own group: Ctrl-C in a terminal reaches the parent only, which then stops
                    # its children in order.
                    start_new_session=not _WINDOWS,
                )
            except OSError as error:
                raise ChildError(f"{self.name} could not be started: {error}") from error
        self._reader = threading.Thread(target=self._read, name=f"{self.name} output", daemon=True)
        self._reader.start()

    def wait_for_line(self, pattern: str, limit: float = 120.0) -> re.Match[str]:
        """Wait until a line of standard output matches `pattern`, at most `limit` seconds.

        Lines printed before the call count too. Raises `ChildError`, with the end of the log,
        when the process ends first or the time is up.
        """
        compiled = re.compile(pattern)

        def found() -> re.Match[str] | None:
            return next((m for line in self._lines if (m := compiled.search(line))), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._output_ended, timeout=limit)
            match = found()
        if match:
            return match
        if self._output_ended:
            status = self.wait(limit)
            raise ChildError(f"{self.name} ended with status {status}{self._end_of_log()}")
        raise ChildError(f"{self.name} was not ready within {limit:g} s{self._end_of_log()}")

    def wait(self, limit: float) -> int:
        """Wait until the process has ended; returns its exit status (minus the signal's number).

        Raises `ChildError` when it still runs after `limit` seconds.
        """
        process = self._started()
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise ChildError(f"{self.name} still runs after {limit:g} s") from error
        self._close()
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, for instance to try out its clean stop."""
        self._started().send_signal(number)

    def stop(self, limit: float = 40.0) -> int | None:
        """Close the lifeline, wait up to `limit` seconds, then kill; returns the exit status.

        Does nothing and returns None when the process was never started. May be called again.
        """
        if self._process is None:
            return None
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            return self.wait(limit)
        except ChildError:
            return self.kill()

    def kill(self) -> int | None:
        """End the process and its whole group at once (SIGKILL); returns the exit status."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            if _WINDOWS:
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        return self.wait(limit=10.0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ChildError(f"{self.name} was not started")
        return self._process

    def _read(self) -> None:
        stdout = self._started().stdout
        if stdout is None:  # pragma: no cover - Popen was given a pipe
            return
        with open(self.log, "ab", buffering=0, opener=_private) as log:
            for line in stdout:
                log.write(line)
                with self._news:
                    self._lines.append(line.decode(errors="replace").rstrip())
                    self._news.notify_all()
        with self._news:
            self._output_ended = True
            self._news.notify_all()

    def _close(self) -> None:
        process = self._started()
        if self._reader is not None:
            # A grandchild may hold the pipe open; the reader is a daemon thread, so let it be.
            self._reader.join(timeout=1.0)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def _end_of_log(self) -> str:
        lines = self.output.splitlines()[-_LINES_IN_ERROR:]
        return "\n".join([f"; {self.log} ends with:", *(f"  {line}" for line in lines)])


def exit_with_parent(stop: Callable[[], None]) -> None:
    """In a child started by `Child`: call `stop` (from a thread) when the parent is gone.

    Does nothing when the process was started in another way.
    """
    if not os.environ.pop(LIFELINE, None):
        return

    def watch() -> None:
        while os.read(0, 1024):
            pass
        stop()

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
