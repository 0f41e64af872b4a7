"""An event loop that a seed decides: virtual time, one ready callback at a time, drawn at random."""

import asyncio
import gc
import heapq
import os
import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

MIDNIGHT: Final = datetime(2026, 11, 23, tzinfo=UTC)
"""What every universe's clock shows at its beginning."""


class Crash(BaseException):
    """The process that called does not exist any more."""


class DeadlockError(Exception):
    """Nothing can ever happen again, and the universe is not at its end."""


class _Task(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks, such as a TaskGroup's, have a seed's order."""

    _number: int

    def __new__(cls, *_: Any, loop: "VirtualLoop", **__: Any) -> Self:
        task = super().__new__(cls)
        task._number = loop.next_number()
        return task

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order that the seed decides; idle time passes at once."""

    _ready: deque[asyncio.Handle]

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._passed = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        self.set_task_factory(lambda loop, coroutine, **given: _Task(coroutine, loop=loop, **given))
        # What nobody waits for may crash; what somebody does is tried by `Host.spawn`.
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._passed

    def call_later[*Given](
        self,
        delay: float,
        callback: Callable[[*Given], object],
        *args: *Given,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call something after a delay."""
        return self.call_at(self._passed + delay, callback, *args, context=context)

    def call_at[*Given](
        self,
        when: float,
        callback: Callable[[*Given], object],
        *args: *Given,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call something at a time."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self.next_number(), timer))
        return timer

    def next_number(self) -> int:
        """Return a number that nothing else in this loop has."""
        self._count += 1
        return self._count

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        if not ready:
            if not timers:
                raise DeadlockError("every task waits for another")
            self._passed = max(self._passed, timers[0][0])
        while timers and timers[0][0] <= self._passed:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                ready.append(timer)
        if len(ready) > 1:
            ready.rotate(-int(self._rng.random() * len(ready)))
        if ready and not (handle := ready.popleft()).cancelled():
            handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A timer that was cancelled is left out when its time comes."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake this one up."""


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
            loop.run_until_complete(_end_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
            gc.enable()


async def _end_all() -> None:
    """End the tasks that the universe leaves behind."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
