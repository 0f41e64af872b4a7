"""The roster is kept by attempts and by sweeps, and a table that refuses it fails nobody."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.decision import Action, Decision
from shared.domain.outcome import Outcome
from shared.domain.roster import RosterEntry, Standing, from_listing
from tests.fakes import NOON, FakeRoster, guid, in_service, licensed, microsoft, third_party
from tests.loglines import Lines
from tests.unit.shared.services.moving.world import MovingWorld
from tests.unit.shared.services.sweeping.world import SweepingWorld


async def test_an_attempt_puts_the_user_on_a_list() -> None:
    """The moved user is on Microsoft, with name and department; one who is not found is nowhere."""
    world = MovingWorld()
    world.directory.add(replace(licensed(1), name="Ada", department="Sales"))
    world.teams.add(in_service(1, third_party("BT")))
    await world.move(1, 2)
    assert world.roster.entries == {
        guid(1): RosterEntry(
            guid(1),
            Standing.ON_MICROSOFT,
            "the provider is BT",
            NOON,
            "user1@contoso.example",
            "Microsoft",
            "Ada",
            "Sales",
            "US",
            moved=True,
        )
    }
    assert (world.roster.written_at, world.roster.digests) == (
        [NOON],
        {guid(number): b"-" * 8 for number in (1, 2)},
    )


async def test_a_roster_that_cannot_be_written_fails_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The move is made and recorded; the log says that the picture is behind."""
    lines = Lines(caplog)
    world = MovingWorld()
    world.roster.down = True
    world.directory.add(licensed(1))
    world.teams.add(in_service(1))
    assert await world.outcome() is Outcome.MOVED
    reason = "storage: write in table roster failed: it is down"
    line = lines.one("roster_behind")
    assert (line["users"], line["reason"]) == ("1", reason)


async def test_a_sweep_writes_all_users_and_removes_who_is_gone() -> None:
    """Ready, on Microsoft and excluded users are on their lists; a deleted user is on none after it."""
    world = SweepingWorld()
    world.directory.add(licensed(1), licensed(2), licensed(3))
    world.teams.add(in_service(1, third_party("BT")), in_service(2, microsoft()), in_service(4))
    await world.roster.note([RosterEntry(guid(9), Standing.READY, "", NOON)], NOON)
    world.roster.written_at.clear()
    world.clock.passed = 5
    await world.sweep()
    found = {user: entry.standing for user, entry in world.roster.entries.items()}
    assert found == {guid(1): Standing.READY, guid(2): Standing.ON_MICROSOFT}
    assert set(world.roster.written_at) == {NOON + timedelta(seconds=5)}


async def test_a_sweep_ends_without_the_roster(caplog: pytest.LogCaptureFixture) -> None:
    """A table that refuses the roster does not stop a sweep; each write that it lacks is told."""

    class Down(FakeRoster):
        async def insert(self, entries: Iterable[RosterEntry], now: datetime) -> None:
            self.down = True
            await super().insert(entries, now)

    lines, world = Lines(caplog), SweepingWorld(roster=Down())
    world.fill(3)
    already = Decision(Action.ALREADY, "")
    for user in (in_service(0), in_service(9)):
        await world.roster.note([from_listing(user, already, NOON)], NOON)
    run = await world.sweep()
    assert (run.counts["queued"], world.queued) == (3, {guid(0), guid(1), guid(2)})
    await world.sweep()
    assert [line["users"] for line in lines.of("roster_behind")] == ["3", "1", "0", "3"]
