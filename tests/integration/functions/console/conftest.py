"""A console of an app that has something to do."""

from collections.abc import AsyncIterator

import pytest

from local.azurite.server import Azurite
from tests.integration.functions.console.desk import Desk, open_desk


@pytest.fixture
async def desk(azurite_server: Azurite) -> AsyncIterator[Desk]:
    """Somebody at the console, with users to move, a held run, an open one, a failed one, attention."""
    async with open_desk(azurite_server.connection_string) as desk:
        yield await desk.fill()


@pytest.fixture(scope="module")
async def shared_desk(azurite_server: Azurite) -> AsyncIterator[Desk]:
    """One console for all tests of a file in which nothing is done."""
    async with open_desk(azurite_server.connection_string) as desk:
        yield await desk.fill()
