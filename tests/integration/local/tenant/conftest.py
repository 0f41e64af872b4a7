"""Fixtures of the tenant's integration tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.local.tenant.support import Receiver, World, open_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A started tenant of 60 users."""
    async with open_world() as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook that agrees to everything."""
    made = Receiver()
    made.start()
    yield made
    made.stop()
