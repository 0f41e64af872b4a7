"""The status in counts and times."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.capabilities import Capabilities, described
from shared.domain.license_age import LicenseAges, step_of
from shared.domain.pause import Pause, RequestedBy
from shared.domain.roster import RosterDay, RosterEntry, Standing
from shared.domain.run import Mode, Run, RunState, Signal
from shared.domain.schedule import Schedule
from shared.services.admin.run_history import RunHistory
from shared.services.admin.status import Status, StatusReader
from shared.services.upkeep.capabilities import CapabilityReader, Sources
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeHeld,
    FakeRoster,
    FakeRuns,
    FakeState,
    FakeTeams,
    FakeWaiting,
    guid,
)

SWEEP = Run("20261123T020000Z-sweep-1", Signal.SWEEP, RunState.MOVING, NOON - timedelta(hours=10))
LATER = Run("20261123T110000Z-request-1", Signal.REQUEST, RunState.FINISHED, NOON)


async def test_the_status_of_a_tenant() -> None:
    """Each figure from where it is kept; the last sweep is not the last run."""
    state, roster, runs = FakeState(), FakeRoster(), FakeRuns()
    state.licensed_users, state.link_at = 4, NOON - timedelta(minutes=5)
    for number, standing in enumerate((Standing.ON_MICROSOFT, Standing.READY, Standing.HELD)):
        await roster.note([RosterEntry(guid(number), standing, "", NOON)], NOON)
    roster.days = [
        RosterDay((NOON - timedelta(days=back)).date(), {}, {}, {step_of(age): users})
        for back, age, users in (
            (0, timedelta(seconds=10), 60),
            (6, timedelta(hours=1), 40),
            (7, timedelta(days=5), 50),
        )
    ]
    for run in (SWEEP, LATER):
        await runs.save_run(run)
    state.found = Capabilities("admin", NOON)
    state.pausing = Pause("why", RequestedBy("adele"), NOON)
    found = await reader(state, roster, runs).read()
    assert found == Status(
        Mode.MOVE,
        state.pausing,
        0,
        0,
        0,
        0,
        described(state.found),
        licensed=4,
        on_microsoft=1,
        ready=2,
        pilot=True,
        last_sweep=SWEEP.started_at,
        next_sweep=NOON + timedelta(hours=14),
        delta_age=timedelta(minutes=5),
        license_ages=LicenseAges(100, timedelta(seconds=10), timedelta(seconds=3_756)),
    )


async def test_the_status_before_anything_was_read() -> None:
    """Nobody is known, and nothing ran yet."""

    class Empty(FakeRoster):
        async def counts(self) -> dict[str, int]:
            return {}

    found = await reader(FakeState(), Empty(), FakeRuns()).read()
    nothing = Status(Mode.MOVE, None, 0, 0, 0, 0, described(None), pilot=True)
    assert found == replace(nothing, next_sweep=NOON + timedelta(hours=14))


def reader(state: FakeState, roster: FakeRoster, runs: FakeRuns) -> StatusReader:
    """A reader of the status at noon."""
    clock, teams = FakeClock(), FakeTeams()
    sources = Sources(teams, teams.bridge_numbers, None, teams.switches)
    return StatusReader(
        state=state,
        held=FakeHeld(),
        waiting=FakeWaiting(),
        capabilities=CapabilityReader(lambda: sources, state, "admin", clock, EventLog("acp.x")),
        roster=roster,
        history=RunHistory(runs, clock),
        sweeps=Schedule.parse("0 0 2 * * *"),
        mode=Mode.MOVE,
        pilot=True,
        clock=clock,
    )
