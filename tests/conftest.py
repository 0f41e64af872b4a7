"""What every test folder shares."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

from local.azurite.server import Azurite

_SHARED: Final = {
    f"tests/e2e/test_{name}.py"
    for name in ("by_hand", "console", "decisions", "health", "queue", "webhook")
}
"""Files whose tests use the session's system: it costs a twentieth of a core while it is idle."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker whole files, and one of them all files that share a system; slow folders first."""
    config.option.loadscopereorder = False  # which would begin with the files of the most tests
    scheduler = LoadFileScheduling(config, log)
    file_of = scheduler._split_scope

    def group_of(nodeid: str) -> str:
        file = file_of(nodeid)
        return "tests/e2e" if file in _SHARED else file

    scheduler._split_scope = group_of
    return scheduler


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
