"""What is read at most so often: one read for all who ask at the same time, and errors for all of them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from shared.concurrency import Fresh
from shared.errors import StorageError
from tests.fakes import FakeClock


@dataclass
class Source:
    """Counts its reads; each takes a moment. errors: what the next reads raise."""

    errors: list[Exception] = field(default_factory=list)
    reads: int = 0

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop()
        return number


async def test_many_at_once_are_one_read() -> None:
    """The value holds for the stated time from the beginning of the read."""
    source, clock = Source(), FakeClock()
    fresh = Fresh(source.read, 1.0, clock)
    assert await asyncio.gather(*(fresh.get() for _ in range(60))) == [1] * 60
    clock.passed = 0.9
    assert await fresh.get() == 1
    clock.passed = 1.0
    assert await fresh.get() == 2


async def test_an_error_is_everybody_s_and_is_not_kept() -> None:
    """Who protects by this value fails closed; the next one who asks reads again."""
    source = Source([StorageError("read", "503")])
    fresh = Fresh(source.read, 1.0, FakeClock())
    found = await asyncio.gather(*(fresh.get() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [StorageError] * 3
    assert await fresh.get() == 2


async def test_one_who_gives_up_spoils_it_for_nobody() -> None:
    """The read goes on when the first who asked is cancelled."""
    fresh = Fresh(Source().read, 1.0, FakeClock())
    first, second = (asyncio.create_task(fresh.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first
