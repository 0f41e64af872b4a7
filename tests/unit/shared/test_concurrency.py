"""Doing many things at once, but not too many; and one after another, whatever fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.concurrency import Room, each_of, gather_bounded


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


async def test_a_room_is_never_too_full_and_first_come_is_first_served() -> None:
    """Small ones do not pass a big one that waits; who needs more than there is gets all of it."""
    room, inside, most, order = Room(10), 0, 0, list[int]()

    async def stay(number: int) -> None:
        nonlocal inside, most
        async with room.take(number):
            order.append(number)
            inside += min(number, 10)
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= min(number, 10)

    wanted = [4, 5, 6, 1, 1, 99, 1, 10]
    await asyncio.gather(*map(stay, wanted))
    assert (order, most, inside) == (wanted, 10, 0)


async def test_who_gives_up_waiting_or_fails_leaves_the_room_as_it_was() -> None:
    """Cancelled in line, or ended by an error: the next one gets in."""
    room = Room(2)
    async with room.take(2):
        waiting = asyncio.ensure_future(room.take(1).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(ValueError, match="x"):
        async with room.take(2):
            raise ValueError("x")
    async with asyncio.timeout(1), room.take(2):
        pass
