"""Where Azurite is installed."""

from pathlib import Path

import pytest

from local.azurite import install


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", Path.home() / ".cache/acp-mover"),
        ({}, "darwin", Path.home() / "Library/Caches/acp-mover"),
        ({"LOCALAPPDATA": "/local"}, "win32", Path("/local/acp-mover/Cache")),
        ({"XDG_CACHE_HOME": "/cache"}, "linux", Path("/cache/acp-mover")),
        ({"XDG_CACHE_HOME": "/cache"}, "darwin", Path("/cache/acp-mover")),
        ({"XDG_CACHE_HOME": "relative"}, "linux", Path.home() / ".cache/acp-mover"),
    ],
)
def test_each_system_has_its_cache_folder(
    environment: dict[str, str], platform: str, expected: Path
) -> None:
    """An absolute $XDG_CACHE_HOME wins everywhere; a relative one is ignored, as its standard says."""
    assert install.cache(environment, platform) == expected


def test_a_checkout_has_azurite_in_its_own_folder() -> None:
    """Here, where there is a Makefile, nothing is written outside the checkout."""
    assert install.folder() == Path(install.__file__).parent
