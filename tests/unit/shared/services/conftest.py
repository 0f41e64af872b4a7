"""What the tests of the mover begin with."""

import pytest

from tests.fakes import in_service, licensed, third_party
from tests.unit.shared.services.moving.world import MovingWorld


@pytest.fixture
def world() -> MovingWorld:
    """User 1: licensed, with a third party as provider."""
    world = MovingWorld()
    world.directory.add(licensed())
    world.teams.add(in_service(1, third_party()))
    return world
