"""Rule 11: what a finished dry run would bring with it."""

from dataclasses import replace

import pytest

from shared.domain.decision import Action
from shared.domain.listing import TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Mode, Run, RunState, Signal
from shared.domain.side_effects import SideEffects
from shared.errors import UnreachableError
from shared.services.admin.effects import EffectsReader
from tests.fakes import NOON, FakeMoveRequests, FakeRuns, FakeTeams, guid

SWITCHES = TenantSwitches(False, False, True)
PREVIEW = Run("r1", Signal.PREVIEW, RunState.FINISHED, NOON)
RESULTS = [
    UserResult(guid(1), Outcome.WOULD_CHANGE_BRIDGE, "why", decision=Action.CHANGE_BRIDGE),
    UserResult(guid(2), Outcome.ALREADY_MICROSOFT, "why", decision=Action.SET_NUMBER),
    UserResult(guid(3), Outcome.UNLICENSED, "why", decision=Action.UNLICENSED),
]


def reader(teams: FakeTeams) -> EffectsReader:
    """A reader of a dry run in which mails were asked for."""
    requests = FakeMoveRequests(asked={"r1": MoveRequest(options=MoveOptions(send_email=True))})
    return EffectsReader(FakeRuns(recorded={"r1": RESULTS}), requests, teams)


async def test_a_dry_run_says_what_would_happen() -> None:
    """By the results and the mails asked for, and by the tenant's switches as they are now."""
    found = await reader(FakeTeams(tenant_switches=SWITCHES)).of(PREVIEW)
    assert found == SideEffects(SWITCHES, 1, 2, 2, 2)


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (replace(PREVIEW, cause=Signal.REQUEST, mode=Mode.REPORT), True),
        (replace(PREVIEW, cause=Signal.REQUEST, mode=Mode.MOVE), False),
        (replace(PREVIEW, cause=Signal.SWEEP, mode=Mode.REPORT), False),
        (replace(PREVIEW, state=RunState.RUNNING), False),
    ],
)
async def test_of_what_changes_nothing_only(run: Run, told: bool) -> None:
    """A report-mode request is a dry run, too; a real run did what it says, and the tenant is not asked."""
    teams = FakeTeams(tenant_switches=SWITCHES)
    assert (await reader(teams).of(run) is not None, teams.tenant_reads) == (told, told)


async def test_switches_that_cannot_be_read_are_an_error() -> None:
    """A dry run that does not know its side effects does not look harmless."""
    with pytest.raises(UnreachableError):
        await reader(FakeTeams(tenant_error=UnreachableError("Teams", "GET", "x"))).of(PREVIEW)
