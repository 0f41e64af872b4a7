"""The `acp` command as a person or a script runs it: in this process, or as a child."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.main import run
from local.commands import ROOT
from tests.e2e.tenant import TIME_LIMIT

Row = dict[str, Any]

PLAIN_HTTP = {"SSL_CERT_DIR": os.devnull}
"""For commands that need no certificates: to read them takes a twentieth of a second for each client."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> list[Row]:
        """The rows on standard output, which must be JSON."""
        rows: list[Row] = json.loads(self.out)
        return rows

    @property
    def csv(self) -> list[dict[str, str]]:
        """The rows on standard output, which must be CSV with a header."""
        return list(csv.DictReader(io.StringIO(self.out, newline="")))

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each user, by the id or the name that was not found."""
        return {row["id"]: row["outcome"] for row in self.json}

    @property
    def run(self) -> str:
        """The id of the run that it began."""
        return next(line for line in self.err.splitlines() if line.startswith("run ")).split()[1]


class CommandLine:
    """Runs `acp` with one app's settings, in a folder and an environment with nothing else in it."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self._file = folder / "settings.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"IsEncrypted": False, "Values": dict(settings)}))

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> Ended:
        """Run it to its end; `stdin` is what a pipe gives it, `environment` wins over the settings.

        In this process, for an interpreter takes longer to start than a command to run.
        """
        pipe = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        out, err = io.StringIO(newline=""), io.StringIO()
        with (
            chdir(self.folder),
            surroundings({"PATH": "", **environment}, pipe),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            status = run([*words, "--settings", str(self._file)])
        return Ended(status, out.getvalue(), err.getvalue())

    def at_once(self, *commands: tuple[str, ...]) -> list[Ended]:
        """Run several that do not disturb each other; return them in order."""
        return [self(*words) for words in commands]

    def typed(self, text: str, *words: str) -> Ended:
        """Run it with a terminal as standard input, on which a person types `text`."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, f"{text}\n".encode())
            return ended(self.started(*words, stdin=theirs))
        finally:
            os.close(theirs)
            os.close(ours)

    def started(
        self,
        *words: str,
        stdin: int = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start it and leave it running."""
        return subprocess.Popen(
            self._command(words),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(environment or {}),
            cwd=self.folder,
        )

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "cli", *words, "--settings", str(self._file)]

    def _environment(self, other: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": "",
            **PLAIN_HTTP,
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            **other,
        }


@contextmanager
def surroundings(environment: Mapping[str, str], stdin: io.TextIOWrapper) -> Iterator[None]:
    """Give a command this environment and nothing else of ours, and this standard input."""
    known, keyboard = dict(os.environ), sys.stdin
    os.environ.clear()
    os.environ.update({**PLAIN_HTTP, **environment})
    sys.stdin = stdin
    try:
        yield
    finally:
        sys.stdin = keyboard
        os.environ.clear()
        os.environ.update(known)


def ended(process: subprocess.Popen[bytes]) -> Ended:
    """Wait for a command that was started."""
    try:
        out, err = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ended(process.returncode, out.decode(), err.decode())
