"""Bounded concurrency."""

import asyncio
from collections.abc import Awaitable, Iterable


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
