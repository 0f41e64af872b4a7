"""The systems that end-to-end tests share: they end with the last of these tests, not with the session."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.worlds import World
from tests.e2e.system import System
from tests.e2e.tenant import WORLD, Tenant, User

LAG = 600
"""Seconds of the tenant's own clock that licenses take to reach Teams; tests move that clock."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs third-party providers in a world without them."""
    if WORLD is not World.THIRD_PARTIES and item.get_closest_marker("third_parties"):
        pytest.skip(f"the world {WORLD} has no third parties")


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the logs go."""
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="package")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant of 130 users; every test takes users of its own."""
    with Tenant(folder, users=130, seed=5, lag=LAG) as tenant:
        tenant.advance(LAG)  # those licensed just before the tenant's start are through
        yield tenant


@pytest.fixture(scope="package")
def excluded(tenant: Tenant) -> dict[str, User]:
    """Two users ready to move whom the setting excludes, one by id and one by name."""
    kind = "third_party" if WORLD is World.THIRD_PARTIES else "microsoft"
    return {how: tenant.take(kind) for how in ("id", "name")}


@pytest.fixture(scope="package")
def system(
    azurite_server: Azurite, tenant: Tenant, excluded: dict[str, User], folder: Path
) -> Iterator[System]:
    """The app on that tenant, subscribed to its changes."""
    users = f"{excluded['id']['id']}, {excluded['name']['userPrincipalName'].upper()}"
    settings = {"ACP_EXCLUDED_USERS": users, "ACP_CONSOLE_TOKEN": secrets.token_urlsafe(32)}
    with System(azurite_server, tenant, folder, settings) as system:
        system.wait_until_subscribed()
        yield system
