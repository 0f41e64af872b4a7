"""Doing many things at once, but not too many."""

import asyncio

import pytest

from shared.concurrency import gather_bounded


async def test_results_come_in_order_and_the_limit_is_kept() -> None:
    """However the work is interleaved, results are in order and no more than the limit run at once."""
    running = most = 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number

    assert await gather_bounded((work(number) for number in range(20)), 3) == list(range(20))
    assert most == 3


async def test_first_error_ends_the_rest_without_a_trace() -> None:
    """An error is raised as it is; what was not begun is closed, so that nothing warns of it."""

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await gather_bounded([fail(), *(asyncio.sleep(60) for _ in range(20))], 2)
