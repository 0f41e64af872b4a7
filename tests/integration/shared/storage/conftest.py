"""Tables of one test alone, in the real Azurite."""

import itertools
from collections.abc import AsyncIterator

import pytest

from local.azurite.server import Azurite
from shared.storage.tables import Tables

_NUMBERS = itertools.count(1)


@pytest.fixture
async def tables(azurite_server: Azurite) -> AsyncIterator[Tables]:
    """Tables of this test alone."""
    opened = Tables.open(f"s{next(_NUMBERS)}x", connection=azurite_server.connection_string)
    yield opened
    await opened.close()
