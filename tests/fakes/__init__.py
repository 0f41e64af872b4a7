"""Fakes of what the services ask for: small, in memory, with the awkward sides switched on by tests."""

from tests.fakes.clock import NOON, FakeClock
from tests.fakes.directory import FakeDirectory
from tests.fakes.guard import FakeGuardSlots, FakeHeld
from tests.fakes.lists import FakeRoster, FakeWaiting
from tests.fakes.people import (
    BRIDGE,
    PASSCODE,
    conferencing,
    guid,
    in_service,
    licensed,
    microsoft,
    settled,
    third_party,
)
from tests.fakes.queues import FakePoison, FakeQueue
from tests.fakes.replaced import FakeReplaced
from tests.fakes.rules import FakeRules
from tests.fakes.runs import FakeMoveRequests, FakeRuns, FakeSweepPages
from tests.fakes.state import FakeState
from tests.fakes.teams import FakeTeams
from tests.fakes.users import FakeHistory, FakeUsers

__all__ = [
    "BRIDGE",
    "NOON",
    "PASSCODE",
    "FakeClock",
    "FakeDirectory",
    "FakeGuardSlots",
    "FakeHeld",
    "FakeHistory",
    "FakeMoveRequests",
    "FakePoison",
    "FakeQueue",
    "FakeReplaced",
    "FakeRoster",
    "FakeRules",
    "FakeRuns",
    "FakeState",
    "FakeSweepPages",
    "FakeTeams",
    "FakeUsers",
    "FakeWaiting",
    "conferencing",
    "guid",
    "in_service",
    "licensed",
    "microsoft",
    "settled",
    "third_party",
]
