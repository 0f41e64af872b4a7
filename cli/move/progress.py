"""Show the progress of a move on standard error, and handle Ctrl-C."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output import tell

if TYPE_CHECKING:
    from shared.domain.outcome import UserResult

_LINE_EVERY = 5.0


@contextmanager
def progress(total: int) -> Iterator[Callable[[Sequence["UserResult"]], None]]:
    """Show how many users have a result: a bar on a terminal, occasional lines elsewhere."""
    if sys.stderr.isatty():
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]} users/s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield _advance(bar, total)
    else:
        yield _lines(total)


def _advance(bar: Progress, total: int) -> Callable[[Sequence["UserResult"]], None]:
    task = bar.add_task("", total=total, speed="-")
    began = time.monotonic()
    done = 0

    def on_progress(results: Sequence["UserResult"]) -> None:
        nonlocal done
        done += len(results)
        speed = done / max(0.001, time.monotonic() - began)
        bar.update(task, completed=done, speed=f"{speed:.0f}")

    return on_progress


def _lines(total: int) -> Callable[[Sequence["UserResult"]], None]:
    began = last = time.monotonic()
    done = 0

    def on_progress(results: Sequence["UserResult"]) -> None:
        nonlocal done, last
        done += len(results)
        now = time.monotonic()
        if now - last >= _LINE_EVERY:
            last = now
            speed = done / (now - began)
            left = max(0, total - done) / speed
            tell(f"  {done:,} of {total:,} users, {speed:.0f} users/s, {left:.0f} s left")

    return on_progress


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
        self.came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the next one interrupts as usual
        tell("Stopping: the users being moved are finished. Ctrl-C again ends at once.")
        self._loop.call_soon_threadsafe(self._stop)
