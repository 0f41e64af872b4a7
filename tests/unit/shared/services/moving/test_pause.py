"""A pause stops every change at once; signals are kept, and worked through when it ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.decision import OUTSIDE_PILOT, Rules
from shared.domain.number_rules import NumberRules
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import Waiting, WaitReason
from shared.domain.run import Signal
from shared.domain.user import ConferencingUser
from shared.errors import InputError
from shared.services.admin.pauses import Pauses
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeState,
    FakeTeams,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld as World

ADELE = RequestedBy("adele@contoso.example", guid(900))
PAUSE = Pause("wrong licenses", ADELE, NOON)


@pytest.fixture
def world() -> World:
    """Somebody on a third party, somebody without a provider, and a pause."""
    world = World()
    world.state.pausing = PAUSE
    world.directory.add(licensed(1), licensed(2))
    world.teams.add(in_service(1, third_party()), in_service(2))
    return world


@pytest.mark.parametrize("signal", [each for each in Signal if each is not Signal.PREVIEW])
async def test_nobody_is_changed_whatever_the_signal(world: World, signal: Signal) -> None:
    """Also not for a person's request that names a number: nothing is saved, set, counted or mailed."""
    world.signal = signal
    message = world.message(guid(1), guid(2), run="20261123T120000Z-request-1f2e3d4c")
    results = await world.mover().move(message, MoveOptions(send_email=True, expected=2))
    assert {(each.outcome, each.reason) for each in results} == {
        (Outcome.WAITING, "changes are paused since 2026-11-23 12:00 UTC: wrong licenses")
    }
    assert (world.teams.sets, world.replaced.saved, world.guard.known) == ([], [], {})


async def test_a_pause_that_begins_while_the_user_is_read_changes_nobody(world: World) -> None:
    """An answer may take half a minute: the pause is read after it, not before."""

    class Pausing(FakeTeams):
        async def conferencing_user(self, user_id: str, **options: Any) -> ConferencingUser:
            found = await super().conferencing_user(user_id, **options)
            world.state.pausing = PAUSE
            return found

    world.state.pausing = None
    world.rules = Rules(numbers=NumberRules(default="+15550177"))
    world.teams = Pausing()
    world.teams.add(in_service(2, microsoft()))
    assert await world.outcome(2) is Outcome.WAITING
    assert (world.teams.conferencing_reads, world.teams.sets) == (1, [])


async def test_the_paused_wait_for_weeks_without_failing_and_are_due_when_it_ends(
    world: World,
) -> None:
    """Neither attempts nor the grace period count: nobody needs attention because of a pause."""
    mover = world.mover()
    for _ in range(50):
        await mover.handle(world.message(guid(1)))
        world.clock.passed += 24 * 3600
    row = world.waiting.rows[guid(1)]
    at = world.clock.now() - timedelta(days=1)
    due = at + timedelta(minutes=1)
    upn, reason = "user1@contoso.example", PAUSE.reason
    assert replace(row, operation="") == Waiting(
        guid(1), WaitReason.PAUSED, reason, at, due, at, attempt=0, upn=upn
    )
    world.state.pausing = None
    (result,) = await mover.handle(world.message(guid(1)))
    assert (result.outcome, world.waiting.rows) == (Outcome.MOVED, {})


async def test_a_pause_holds_within_a_second_for_an_instance_that_is_working(world: World) -> None:
    """What was read is trusted for one second, no longer, in both directions."""
    mover = world.mover()
    world.state.pausing = None
    await mover.handle(world.message(guid(1)))
    world.state.pausing = PAUSE
    world.clock.passed += 1
    (result,) = await mover.handle(world.message(guid(2)))
    assert result.outcome is Outcome.WAITING
    assert [user for user, *_ in world.teams.sets] == [guid(1)]


async def test_reports_go_on(world: World) -> None:
    """A pause stops changes, not looking: report mode says what it would do."""
    world.report = True
    assert {each.outcome for each in await world.move(1, 2)} == {Outcome.WOULD_MOVE}


async def test_no_license_is_reprocessed_while_changes_are_paused(world: World) -> None:
    """Reprocessing changes the tenant as well."""
    world.reprocess = True
    world.teams.known.clear()
    mover = world.mover()
    for _ in range(3):
        await mover.handle(world.message(guid(1)))
        world.clock.passed += 25 * 3600
    assert world.directory.reprocessed == []
    world.state.pausing = None
    await mover.handle(world.message(guid(1)))
    world.clock.passed += 25 * 3600
    await mover.handle(world.message(guid(1)))
    assert world.directory.reprocessed != []


async def test_a_pause_is_stored_with_who_and_why_and_ended_by_anybody() -> None:
    """The last one counts; to end a pause that is none changes nothing."""
    state = FakeState()
    pauses = Pauses(state, FakeClock(), EventLog("acp.pauses"))
    assert await pauses.pause("  wrong\nlicenses ", ADELE) == PAUSE
    assert await pauses.current() == PAUSE
    assert await pauses.end(RequestedBy("alex")) == PAUSE
    assert await pauses.end(RequestedBy("alex")) is None
    assert await pauses.current() is None


@pytest.mark.parametrize("note", ["", " \n", "x" * 501, "\x1b\x00"])
async def test_a_pause_needs_a_reason(note: str) -> None:
    """Without one, or with one that nobody will read, nothing is paused."""
    state = FakeState()
    with pytest.raises(InputError, match="note"):
        await Pauses(state, FakeClock(), EventLog("acp.pauses")).pause(note, ADELE)
    assert state.pausing is None


async def test_the_log_names_nobody_who_pauses(caplog: pytest.LogCaptureFixture) -> None:
    """Rule 6: names in log lines only behind a setting, those of administrators too."""
    lines = Lines(caplog)
    await Pauses(FakeState(), FakeClock(), EventLog("acp.pauses")).pause("why", ADELE)
    paused = lines.one("paused")
    assert (paused["state"], paused["reason"]) == ("paused", "why")
    assert "adele" not in caplog.text


async def test_nobody_outside_the_pilot_is_changed(world: World) -> None:
    """The reason names the setting; who is in a group of the pilot is moved as ever."""
    world.state.pausing = None
    world.rules = Rules(included_groups=frozenset({guid(91)}))
    world.directory.add(replace(licensed(2), groups=frozenset({guid(91)})))
    results = await world.move(1, 2)
    assert [(each.outcome, each.reason) for each in results] == [
        (Outcome.EXCLUDED, OUTSIDE_PILOT),
        (Outcome.MOVED, "no provider yet"),
    ]
    assert "ACP_INCLUDED_GROUPS" in OUTSIDE_PILOT
