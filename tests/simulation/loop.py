"""An event loop that a seed decides: virtual time, one ready callback at a time, drawn at random."""

import asyncio
import gc
import heapq
import os
import random
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

MIDNIGHT: Final = datetime(2026, 11, 23, tzinfo=UTC)
"""What every universe's clock shows at its beginning."""


class Crash(BaseException):  # noqa: N818 - not an error of ours: the process is gone
    """The process that called does not exist any more."""


class DeadlockError(Exception):
    """Nothing can ever happen again, and the universe is not at its end."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order that the seed decides; idle time passes at once."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._passed = 0.0
        self.defects: list[BaseException] = []
        """Exceptions that nobody caught, other than crashes."""
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._passed

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)
        if not ready:
            if not scheduled:
                raise DeadlockError("every task waits for another")
            self._passed = max(self._passed, scheduled[0].when())
        while scheduled and scheduled[0].when() <= self._passed:
            ready.append(heapq.heappop(scheduled))
        if len(ready) > 1:
            ready.rotate(-int(self._rng.random() * len(ready)))
        handle = ready.popleft()
        if not handle.cancelled():
            handle._run()  # type: ignore[attr-defined]  # noqa: SLF001

    def _write_to_self(self) -> None:
        """There is no other thread to wake this one up."""

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Crash | asyncio.CancelledError):
            self.defects.append(error)


class Clock:
    """The clock of one process. skew: seconds that its wall clock is ahead of the others'."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = timedelta(seconds=skew)

    def now(self) -> datetime:
        return MIDNIGHT + timedelta(seconds=self.monotonic()) + self.skew

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@contextmanager
def seeded_entropy(seed: int) -> Iterator[None]:
    """Let the operating system's randomness come from the seed: ids and secrets repeat, too."""
    source = random.Random(seed)
    before = os.urandom
    # `secrets` asks `random`, which keeps a name of its own for it.
    for module, name in ((os, "urandom"), (random, "_urandom")):
        setattr(module, name, source.randbytes)
    try:
        yield
    finally:
        for module, name in ((os, "urandom"), (random, "_urandom")):
            setattr(module, name, before)


def run[T](seed: int, main: Coroutine[Any, Any, T]) -> T:
    """Run a universe's main task to its end. Garbage waits: when it is collected is no seed's choice."""
    loop = VirtualLoop(random.Random(seed))
    gc.disable()
    with seeded_entropy(seed):
        try:
            return loop.run_until_complete(main)
        finally:
            for task in (left := asyncio.all_tasks(loop)):
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
            gc.enable()
