"""Doing many things at once, but not too many; and one after another, whatever fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.concurrency import each_of, gather_bounded


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


async def test_steps_are_taken_after_one_that_fails() -> None:
    """What a step raises is raised when all were taken: alone as it is, else as a group."""
    taken = []

    def step(number: int, error: Exception | None = None) -> Callable[[], Awaitable[None]]:
        async def take() -> None:
            taken.append(number)
            if error:
                raise error

        return take

    await each_of(step(1), step(2))
    with pytest.raises(OSError, match="three"):
        await each_of(step(3, OSError("three")), step(4))
    with pytest.raises(ExceptionGroup) as group:
        await each_of(step(5, OSError("five")), step(6), step(7, ValueError("seven")))
    assert [str(error) for error in group.value.exceptions] == ["five", "seven"]
    assert taken == [1, 2, 3, 4, 5, 6, 7]
