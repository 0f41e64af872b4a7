"""What every test folder shares."""

import gc
from collections.abc import Generator, Iterator
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from local.azurite.server import Azurite

_SHARED: Final = {
    f"tests/e2e/test_{name}.py"
    for name in ("by_hand", "console", "decisions", "health", "queue", "webhook")
}
"""Files whose tests use the session's system: it costs a twentieth of a core while it is idle."""


def pytest_configure(config: pytest.Config) -> None:
    """Try 20 examples of each property, and with the large tests as many as the library thinks right."""
    settings.register_profile("short", max_examples=20)
    if "not large" in config.option.markexpr:
        settings.load_profile("short")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is collected from the collector of garbage: it took a quarter of the unit tests' time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


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
