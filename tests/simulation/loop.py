"""An event loop that a seed decides: virtual time, one ready callback at a time, drawn at random."""

import asyncio
import gc
import heapq
import itertools
import os
import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, cast

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


class _Handle(list[Any]):
    """A callback, its arguments and its context; empty once cancelled. A list, for there are millions."""

    __slots__ = ()

    cancel = list.clear


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order that the seed decides; idle time passes at once."""

    _ready: deque[_Handle]
    _stopping: bool
    _asyncgen_firstiter_hook = None
    """Generators that are left in the end are not closed: their process does not exist any more."""

    get_debug = staticmethod(bool)
    """No; asked at each step, and answered without one of Python's own."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._passed = 0.0
        self._timers: list[tuple[float, int, _Handle | asyncio.Future[None]]] = []
        self.next_number: Final = itertools.count(1).__next__
        """Return a number that nothing else in this loop has."""
        # What nobody waits for may crash; what somebody does is tried by `Host.spawn`.
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._passed

    def create_task[T](self, coro: Coroutine[Any, Any, T], **given: Any) -> asyncio.Task[T]:
        """Begin a task."""
        return _Task(coro, loop=self, **given)

    def call_soon[*Given](
        self,
        callback: Callable[[*Given], object],
        *args: *Given,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call something in its turn, which the seed decides."""
        handle = _Handle((callback, args, copy_context() if context is None else context))
        self._ready.append(handle)
        return cast("asyncio.Handle", handle)

    call_soon_threadsafe = call_soon

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
        timer = _Handle((callback, args, copy_context() if context is None else context))
        heapq.heappush(self._timers, (when, self.next_number(), timer))
        return cast("asyncio.TimerHandle", timer)

    def upcoming(self) -> float:
        """Return when something is to happen next; until then nothing changes."""
        return self._passed if self._ready or not self._timers else self._timers[0][0]

    def after(self, seconds: float) -> asyncio.Future[None]:
        """Return what is done after so many seconds: `asyncio.sleep`, at half its price."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        heapq.heappush(self._timers, (self._passed + seconds, self.next_number(), future))
        return future

    def _run_once(self) -> None:
        """Run everything until somebody stops the loop: one call of it is the whole universe."""
        ready, timers, draw = self._ready, self._timers, self._rng.random
        while not self._stopping:
            if not ready:
                if not timers:
                    raise DeadlockError("every task waits for another")
                self._passed = max(self._passed, timers[0][0])
            while timers and timers[0][0] <= self._passed:
                timer = heapq.heappop(timers)[2]
                if isinstance(timer, _Handle):
                    ready.append(timer)
                elif not timer.done():
                    timer.set_result(None)
            if len(ready) > 1:
                ready.rotate(-int(draw() * len(ready)))
            if ready and (handle := ready.popleft()):
                callback, arguments, context = handle
                context.run(callback, *arguments)

    def _write_to_self(self) -> None:
        """There is no other thread to wake this one up."""


class Clock:
    """The clock of one process. skew: seconds that its wall clock is ahead of the others'."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = timedelta(seconds=skew)
        self._shown = (-1.0, MIDNIGHT)

    def now(self) -> datetime:
        at, shown = self._shown
        if (passed := asyncio.get_running_loop().time()) != at:
            shown = MIDNIGHT + timedelta(seconds=passed) + self.skew
            self._shown = passed, shown
        return shown

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await pause(seconds)


async def pause(seconds: float) -> None:
    """Let virtual seconds pass."""
    await cast("VirtualLoop", asyncio.get_running_loop()).after(seconds)


def seconds(at: datetime) -> float:
    """Return a wall clock's time as seconds since the beginning."""
    return (at - MIDNIGHT).total_seconds()


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
    try:
        with seeded_entropy(seed):
            try:
                return loop.run_until_complete(main)
            finally:
                loop.run_until_complete(_end_all())
                loop.close()
    finally:
        gc.enable()


async def _end_all() -> None:
    """End the tasks that the universe leaves behind."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
