"""One demo per world besides 2018, which test_demo.py shows: what a person sees of a tenant of today."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.worlds import World
from tests.e2e.test_demo import LIMIT, start

USERS = 90


def summary_of(world: World, folder: Path) -> dict[str, Any]:
    """Run a demo in a world to its end; return its summary."""
    file = folder / "out.json"
    child = start(
        folder, "demo", "--users", str(USERS), "--seed", "7", "--world", world, "--json", str(file)
    )
    try:
        assert child.wait(LIMIT) == 0, child.log.read_text()
    finally:
        child.kill()
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.large
@pytest.mark.parametrize("world", [World.TODAY, World.DOCUMENTED])
def test_everybody_ends_where_the_world_lets_them(world: World, tmp_path: Path) -> None:
    """Nobody is moved or left waiting; in documented mode a few need attention, by two permissions alone."""
    found = summary_of(world, tmp_path)
    candidates = found["licensed"] - found["excluded"]
    documented = world is World.DOCUMENTED
    assert (found["world"], found["users"]) == (world, USERS)
    assert (found["waiting"], found["third_party_before"], found["replaced_saved"]) == (0, 0, 0)
    assert found["moved"] + found["already_microsoft"] + found["attention"] == candidates
    assert found["failed"] == found["attention"]
    assert (found["attention"] > 0) is documented
    assert (found["teams_calls"] == 0) is documented
    assert found["graph_permissions"] == (
        ["User.Read.All", "TeamsUserConfiguration.Read.All"] if documented else []
    )
