"""What the service tells and takes: read once a day, learned from real sets, never tried out."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.capabilities import Capabilities, Known, described
from shared.domain.decision import Action, Rules, decide
from shared.errors import AccessDeniedError, NotFoundError, RejectedError, StorageError
from shared.services.upkeep.capabilities import CapabilityReader, Sources, WatchedConferencing
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
from tests.fakes.teams import QUIET

LOG = EventLog("acp.capabilities")
FOUND = Capabilities(
    api="admin",
    looked_at=NOON,
    providers=Known.YES,
    bridges=Known.YES,
    documented=Known.YES,
    switches=QUIET,
)


@dataclass
class Tenant:
    """A tenant with a provisioned user on Microsoft, its reader, and sets that are watched."""

    teams: FakeTeams = field(default_factory=lambda: FakeTeams(bridges=[BridgeNumber("+1", "b")]))
    state: FakeState = field(default_factory=FakeState)
    clock: FakeClock = field(default_factory=FakeClock)
    documented_error: Exception | None = None
    asked: int = 0

    def __post_init__(self) -> None:
        self.teams.add(in_service(1, microsoft()))

    async def documented(self) -> None:
        self.asked += 1
        if self.documented_error:
            raise self.documented_error

    def reader(self, api: str = "admin") -> CapabilityReader:
        sources = Sources(
            self.teams, self.teams.bridge_numbers, self.documented, self.teams.switches
        )
        return CapabilityReader(lambda: sources, self.state, api, self.clock, LOG)

    def watched(self) -> WatchedConferencing:
        return WatchedConferencing(self.teams, self.reader(), LOG)


async def test_what_can_be_read_is_read_and_the_rest_stays_unknown() -> None:
    """Nothing is set to find out: replacing and the verb are unknown until the first real set."""
    tenant = Tenant()
    assert await tenant.reader().look_if_due() == FOUND
    assert tenant.state.found == FOUND
    assert tenant.teams.sets == []
    assert (FOUND.replace, FOUND.set_verb) == (Known.UNKNOWN, "")


async def test_it_is_read_once_a_day_and_anew_in_another_mode() -> None:
    """Within a day nothing is asked; after it, or with other calls, everything is."""
    tenant = Tenant()
    await tenant.reader().look_if_due()
    tenant.clock.passed += timedelta(hours=23).total_seconds()
    await tenant.reader().look_if_due()
    assert tenant.asked == 1
    tenant.clock.passed += timedelta(hours=1).total_seconds()
    await tenant.reader().look_if_due()
    assert tenant.asked == 2
    assert await tenant.reader("documented").known() is None
    assert (await tenant.reader("documented").look_if_due()).api == "documented"
    assert tenant.asked == 3


async def test_a_service_that_reports_no_provider() -> None:
    """A provisioned user without entries that count: not reported, and then nobody is replaced."""
    tenant = Tenant()
    user = replace(in_service(1), provider_known=False)
    tenant.teams.add(user)
    assert (await tenant.reader().look_if_due()).providers is Known.NO
    assert decide(licensed(1), user, Rules()).action is Action.ALREADY


async def test_a_tenant_in_which_nobody_is_provisioned_says_nothing() -> None:
    """Three pages without a provisioned user are enough: unknown, and the listing is left."""
    tenant = Tenant()
    tenant.teams.known.clear()
    for number in range(20):
        tenant.teams.add(replace(in_service(number), ready=False, provider_known=False))
    assert (await tenant.reader().look_if_due()).providers is Known.UNKNOWN
    assert tenant.teams.pages_read == [0, 3, 6]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AccessDeniedError("Graph", "GET", "HTTP 403", status=403), Known.UNKNOWN),
        (NotFoundError("Graph", "GET", "HTTP 404", status=404), Known.NO),
        (RejectedError("Graph", "GET", "HTTP 400", status=400), Known.NO),
    ],
)
async def test_a_missing_permission_is_not_a_missing_capability(
    error: Exception, expected: Known
) -> None:
    """403 says nothing about the service; an address that it does not have says no."""
    tenant = Tenant(documented_error=error)
    assert await tenant.reader().look_if_due() == replace(FOUND, documented=expected)


async def test_a_service_that_fails_leaves_the_rest() -> None:
    """What fails stays unknown; providers and documented calls are found all the same."""
    tenant = Tenant()
    tenant.teams.tenant_error = AccessDeniedError("Teams", "GET", "HTTP 403", status=403)
    expected = replace(FOUND, bridges=Known.UNKNOWN, switches=None)
    assert await tenant.reader().look_if_due() == expected


async def test_real_sets_teach_what_only_they_show() -> None:
    """An accepted set tells the verb, an accepted replacement that it is offered; each is stored once."""
    tenant = Tenant()
    await tenant.reader().look_if_due()
    watched = tenant.watched()
    for _ in range(3):
        await watched.set_microsoft(guid(1), replace=False)
    assert tenant.state.found == replace(FOUND, set_verb="accepted")
    for _ in range(3):
        await watched.set_microsoft(guid(1), replace=True)
    learned = replace(FOUND, set_verb="accepted", replace=Known.YES)
    assert (tenant.state.found, tenant.state.stored) == (learned, 3)
    tenant.clock.passed += timedelta(days=2).total_seconds()
    later = await tenant.reader().look_if_due()
    assert later == replace(learned, looked_at=tenant.clock.now())


@pytest.mark.parametrize(
    ("error", "replaced", "verb"),
    [
        (
            RejectedError("Teams", "PUT", "HTTP 400", "ReplaceProviderRetired", 400),
            "no",
            "accepted",
        ),
        (RejectedError("Teams", "PUT", "it takes POST", "", 405), "unknown", "it takes POST"),
        (RejectedError("Teams", "PUT", "HTTP 400", "InvalidNumber", 400), "unknown", ""),
    ],
)
async def test_refusals_teach_as_well(error: RejectedError, replaced: str, verb: str) -> None:
    """Retired replacing and a refused verb are remembered; another refusal says nothing of either."""
    tenant = Tenant()
    await tenant.reader().look_if_due()
    tenant.teams.set_errors[guid(1)] = error
    with pytest.raises(RejectedError):
        await tenant.watched().set_microsoft(guid(1), replace=True)
    assert tenant.state.found == replace(FOUND, replace=Known(replaced), set_verb=verb)


class _Busy(FakeState):
    async def save_capabilities(self, found: Capabilities) -> None:  # noqa: ARG002
        raise StorageError("merge", "busy")


async def test_a_set_that_cannot_be_noted_is_done_all_the_same() -> None:
    """A busy table makes no failure of a set; before the first look nothing is noted, and then it is."""
    tenant = Tenant(state=_Busy(found=FOUND))
    tenant.teams.add(in_service(1, third_party()))
    await tenant.watched().set_microsoft(guid(1), replace=True)
    assert tenant.teams.sets == [(guid(1), True, None)]
    fresh = Tenant()
    watched = fresh.watched()
    await watched.set_microsoft(guid(1), replace=False)
    assert fresh.state.stored == 0
    await fresh.reader().look_if_due()
    await watched.set_microsoft(guid(1), replace=False)
    assert fresh.state.found == replace(FOUND, set_verb="accepted")


async def test_what_is_shown() -> None:
    """One form for doctor, health, status and log; what was not looked at says so."""
    assert described(None) == {"looked at": "not yet"}
    tenant = Tenant()
    await tenant.reader().look_if_due()
    assert await tenant.reader().shown() == {
        "Teams API": "admin",
        "looked at": f"{NOON:%Y-%m-%d %H:%M} UTC",
        "reports providers": "yes",
        "replaces providers": "unknown",
        "lists bridges": "yes",
        "documented calls": "yes",
        "verb of a set": "unknown",
        "mails users their numbers": "no",
        "sends meetings again": "no",
    }
