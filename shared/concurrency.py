"""Bounded concurrency, and steps that do not depend on each other."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def gather_bounded[T](work: Iterable[Awaitable[T]], limit: int) -> list[T]:
    """Await everything in `work`, at most `limit` at once; return the results in order.

    The first error cancels the remaining work and is raised unchanged.
    """
    items = list(work)
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


async def each_of(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take each step in turn, also after one that fails.

    The error of a step is raised at the end; an ExceptionGroup where several failed.
    """
    errors: list[Exception] = []
    for step in steps:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - raised below, whatever it is
            errors.append(error)
    if len(errors) > 1:
        raise ExceptionGroup("several steps failed", errors)
    for only in errors:
        raise only
