"""Show the progress of a move on standard error, and handle Ctrl-C."""

import asyncio
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

from cli.output import tell
from shared.domain.license_age import spoken
from shared.text import counted

if TYPE_CHECKING:
    from shared.domain.outcome import UserResult

_LINE_EVERY: Final = 5.0
_BAR: Final = 20
"""Columns of the bar: the words beside it have to fit into a terminal of 80."""

_WINDOW: Final = 30.0
"""Seconds of which the rate is told: a stall shows, and so does its end."""


class Meter:
    """How far a move is: the rate is that of the last `_WINDOW` seconds."""

    def __init__(self, total: int, now: float) -> None:
        self._total = total
        self._points = deque([(now, 0)])

    @property
    def done(self) -> int:
        """How many users have a result."""
        return self._points[-1][1]

    def add(self, users: int, now: float) -> None:
        """Count users who got a result."""
        self._points.append((now, self.done + users))

    def rate(self, now: float) -> float:
        """Return the users per second of the window that ends now."""
        while len(self._points) > 1 and self._points[1][0] <= now - _WINDOW:
            self._points.popleft()
        at, before = self._points[0]
        return (self.done - before) / max(0.001, min(now - at, _WINDOW))

    def text(self, now: float) -> str:
        """Return the progress in words."""
        rate = self.rate(now)
        left = (
            f"{spoken(round(max(0, self._total - self.done) / rate))} left"
            if rate
            else "no result lately"
        )
        return f"{self.done:,} of {counted(self._total, 'user')}, {rate:.1f} users/s, {left}"


class _Words(ProgressColumn):
    """The meter's words, said anew at each refresh, whether a result came or not."""

    max_refresh = 0.5

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        super().__init__()

    def render(self, task: Task) -> Text:  # noqa: ARG002 - the meter knows better
        """Return what stands behind the bar."""
        return Text(self._meter.text(time.monotonic()))


@contextmanager
def progress(
    total: int, every: float = _LINE_EVERY
) -> Iterator[Callable[[Sequence["UserResult"]], None]]:
    """Show how many users have a result: a bar on a terminal, elsewhere a line every few seconds."""
    meter = Meter(total, time.monotonic())
    if sys.stderr.isatty():
        console = Console(stderr=True)
        with Progress(BarColumn(_BAR), _Words(meter), console=console, transient=True) as bar:
            task = bar.add_task("", total=total)

            def advance(results: Sequence["UserResult"]) -> None:
                meter.add(len(results), time.monotonic())
                bar.update(task, completed=meter.done)

            yield advance
        return
    ended = threading.Event()
    lines = threading.Thread(target=_lines, args=(meter, ended, every), daemon=True)
    lines.start()
    try:
        yield lambda results: meter.add(len(results), time.monotonic())
    finally:
        ended.set()
        lines.join()


def _lines(meter: Meter, ended: threading.Event, every: float) -> None:
    while not ended.wait(every):
        tell(f"  {meter.text(time.monotonic())}")


class Interrupts:
    """The first Ctrl-C (or SIGTERM) calls `stop`; the second Ctrl-C ends the command. Context manager."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._before: dict[signal.Signals, signal.Handlers] = {}
        self.came = False

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            # Not the loop's own handlers: Windows has none.
            self._before[number] = signal.signal(number, self._once)  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _once(self, *_: object) -> None:
        if self.came:
            return  # SIGTERM behind Ctrl-C, or the other way around: it was said
        self.came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the next one interrupts as usual
        tell("Stopping: the users being moved are finished. Ctrl-C again ends at once.")
        self._loop.call_soon_threadsafe(self._stop)
