"""Bounded concurrency, groups of what comes one by one, and steps that do not depend on each other."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from shared.clock import Clock


class NoRoomError(Exception):
    """There was no room in the time that the caller had."""


class Room:
    """Room for so many; whoever needs more than is free waits, and those behind wait, too."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._line = asyncio.Lock()
        self._left = asyncio.Event()

    @asynccontextmanager
    async def take(self, number: int, patience: float | None = None) -> AsyncIterator[None]:
        """Hold the room for a number, at most for all of it; NoRoomError: not free in so many seconds."""
        number = min(number, self._size)
        try:
            async with asyncio.timeout(patience), self._line:
                while self._free < number:
                    self._left.clear()
                    await self._left.wait()
                self._free -= number
        except TimeoutError:
            raise NoRoomError from None
        try:
            yield
        finally:
            self._free += number
            self._left.set()


async def gather_bounded[T](work: Iterable[Awaitable[T]], limit: int) -> list[T]:
    """Await everything in `work`, at most `limit` at once; return the results in order.

    The first error cancels the remaining work and is raised unchanged.
    """
    items = list(work)
    if len(items) == 1:
        return [await items[0]]
    slots = asyncio.Semaphore(limit)

    async def one(item: Awaitable[T]) -> T:
        async with slots:
            return await item

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for item in items:
            if asyncio.iscoroutine(item):
                item.close()  # a coroutine that was never started would warn
        raise


async def both[A, B](one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Await two at once and return their results; errors: as for `gather_bounded`."""
    results: list[Any] = await gather_bounded([one, other], 2)
    return results[0], results[1]


async def grouped[T](items: AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """Yield lists of so many items, and of those that are left in the end, if any."""
    group: list[T] = []
    async for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


class Fresh[T]:
    """A value that is read when it is older than so many seconds, once for all who ask meanwhile."""

    def __init__(
        self, read: Callable[[], Coroutine[Any, Any, T]], seconds: float, clock: Clock
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._until = float("-inf")
        self._reading: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return the value; an error of the read is raised to all who waited for it."""
        if self._reading is None or (
            self._reading.done() and self._clock.monotonic() >= self._until
        ):
            self._until = self._clock.monotonic() + self._seconds
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._forget_failure)
        return await asyncio.shield(self._reading)

    def _forget_failure(self, reading: asyncio.Task[T]) -> None:
        if reading.cancelled() or reading.exception():
            self._until = float("-inf")


async def each_of(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take each step in turn, also after one that fails.

    The error of a step is raised at the end; an ExceptionGroup where several failed.
    """
    _raise_together([await _error_of(step) for step in steps])


async def all_of(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take all steps at the same time; each to its end, whichever fails. Errors: as for `each_of`."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_error_of(step)) for step in steps]
    _raise_together([task.result() for task in tasks])


async def _error_of(step: Callable[[], Awaitable[object]]) -> Exception | None:
    try:
        await step()
    except Exception as error:  # noqa: BLE001 - the caller raises it, whatever it is
        return error
    return None


def _raise_together(results: Iterable[Exception | None]) -> None:
    errors = [error for error in results if error]
    if len(errors) > 1:
        raise ExceptionGroup("several steps failed", errors)
    for only in errors:
        raise only
