"""What every test folder shares."""

from collections.abc import Iterator

import pytest

from local.azurite.server import Azurite


@pytest.fixture(scope="session")
def azurite_server() -> Iterator[Azurite]:
    """One Azurite in memory for the whole test session (each xdist worker has its own).

    Tests share it, so each uses queue and table names of its own.
    """
    with Azurite() as server:
        yield server


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the Functions worker does."""
    return "asyncio"
