"""What the service tells and takes: read once a day, learned from real sets, never tried out."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.capabilities import Capabilities, Known, described
from shared.domain.decision import Action, Rules, decide
from shared.errors import (
    AccessDeniedError,
    NotFoundError,
    RejectedError,
    ServerFaultError,
    StorageError,
)
from shared.services.upkeep.capabilities import CapabilityReader, Sources, WatchedConferencing
from shared.telemetry.log import EventLog
from tests.fakes import (
    NOON,
    FakeClock,
    FakeState,
    FakeTeams,
    conferencing,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)
from tests.fakes.teams import QUIET
from tests.loglines import Lines

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


def logged(lines: Lines) -> list[tuple[str, dict[str, str]]]:
    """Every line, without its operation."""
    return [
        (event, {k: v for k, v in each.items() if k != "operation"}) for event, each in lines.all
    ]


async def test_what_can_be_read_is_read_and_the_rest_stays_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is set to find out: replacing and the verb are unknown until the first real set."""
    lines, tenant = Lines(caplog), Tenant()
    assert await tenant.reader().look_if_due() == FOUND
    assert (tenant.state.found, tenant.teams.sets) == (FOUND, [])
    assert (FOUND.replace, FOUND.set_verb) == (Known.UNKNOWN, "")
    told = {"api": "admin", "providers": "yes", "bridges": "yes", "documented": "yes"}
    assert logged(lines) == [("capabilities_read", told | {"replace": "unknown"})]
    tenant.teams.bridges.clear()
    tenant.clock.passed = timedelta(days=1).total_seconds()
    found = await tenant.reader().look_if_due()
    assert found.bridges is Known.NO, "an empty list is no list"


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


async def test_a_service_that_fails_leaves_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    """What fails stays unknown, and the log says why; a denied list of bridges is no failure."""
    lines, error = Lines(caplog), ServerFaultError("Teams", "GET", "HTTP 500")
    tenant = Tenant(documented_error=error)
    tenant.teams.tenant_error = tenant.teams.stop_with = error
    tenant.teams.stop_at = 0
    assert await tenant.reader().look_if_due() == Capabilities("admin", NOON)
    parts = ("providers", "bridges", "documented calls", "switches")
    unread = [("capability_unread", {"part": part, "reason": str(error)}) for part in parts]
    assert logged(lines)[:-1] == unread
    denied = Tenant()
    denied.teams.tenant_error = AccessDeniedError("Teams", "GET", "HTTP 403", status=403)
    assert (await denied.reader().look_if_due()).bridges is Known.UNKNOWN


class _Counted(FakeState):
    """Counts how often what is known is read."""

    looks = 0

    async def capabilities(self) -> Capabilities | None:
        self.looks += 1
        return await super().capabilities()


async def test_real_sets_teach_what_only_they_show(caplog: pytest.LogCaptureFixture) -> None:
    """An accepted set tells the verb, an accepted replacement that it is offered; each is stored once."""
    state = _Counted()
    tenant = Tenant(state=state)
    await tenant.reader().look_if_due()
    lines, watched = Lines(caplog), tenant.watched()
    for replaces in (False, True) * 3:
        await watched.set_microsoft(guid(1), replace=replaces, number="+1")
    learned = replace(FOUND, set_verb="accepted", replace=Known.YES)
    assert (state.found, state.stored, state.looks) == (learned, 3, 3)
    assert tenant.teams.sets[:2] == [(guid(1), False, "+1"), (guid(1), True, "+1")]
    read = {"api": "admin", "providers": "yes", "bridges": "yes", "documented": "yes"}
    read["set_verb"] = "accepted"
    assert logged(lines) == [
        ("capabilities_read", read | {"replace": offered}) for offered in ("unknown", "yes")
    ]
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


@pytest.mark.parametrize(("code", "status"), [("ReplaceProviderRetired", 400), ("", 405)])
async def test_what_is_taken_back_is_learned_anew(code: str, status: int) -> None:
    """Accepted, refused and accepted again: what the last set showed is what is known."""
    replaces, tenant = bool(code), Tenant()
    await tenant.reader().look_if_due()
    watched = tenant.watched()
    await watched.set_microsoft(guid(1), replace=replaces)
    accepted = tenant.state.found
    refused = RejectedError("Teams", "PUT", "it takes POST", code, status)
    tenant.teams.set_errors[guid(1)] = refused
    with pytest.raises(RejectedError):
        await watched.set_microsoft(guid(1), replace=replaces)
    assert tenant.state.found != accepted
    tenant.teams.set_errors.clear()
    await watched.set_microsoft(guid(1), replace=replaces)
    assert tenant.state.found == accepted


async def test_everything_else_is_passed_on() -> None:
    """Each question reaches the service as it was asked."""
    tenant = Tenant()
    tenant.teams.add(*(in_service(number) for number in range(2, 6)))
    watched = tenant.watched()
    assert await watched.user(guid(1)) == in_service(1, microsoft())
    assert tenant.teams.first_reads == 0
    assert await watched.user(guid(2), first=True) == in_service(2)
    assert (tenant.teams.reads, tenant.teams.first_reads) == (2, 1)
    assert await watched.conferencing_user(guid(1)) == conferencing(guid(1))
    assert (await watched.bridge_of("+1"), await watched.bridge_of("+2")) == ("b", "bridge")
    assert [page async for page in watched.pages("3")] == [
        page async for page in tenant.teams.pages("3")
    ]


class _Busy(FakeState):
    async def save_capabilities(self, found: Capabilities) -> None:  # noqa: ARG002
        raise StorageError("merge", "busy")


async def test_a_set_that_cannot_be_noted_is_done_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A busy table makes no failure of a set; before the first look nothing is noted, and then it is."""
    lines, tenant = Lines(caplog), Tenant(state=_Busy(found=FOUND))
    tenant.teams.add(in_service(1, third_party()))
    await tenant.watched().set_microsoft(guid(1), replace=True)
    assert tenant.teams.sets == [(guid(1), True, None)]
    unread = {"part": "storage", "reason": str(StorageError("merge", "busy"))}
    assert logged(lines) == [("capability_unread", unread)]
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


async def test_what_is_shown_is_a_minute_old_at_most(caplog: pytest.LogCaptureFixture) -> None:
    """The table is read once a minute; one that fails leaves what was shown, and the log says so."""
    error = StorageError("get", "busy")

    class Failing(_Counted):
        async def capabilities(self) -> Capabilities | None:
            await super().capabilities()
            if self.looks != 2:
                raise error
            return FOUND

    lines, state = Lines(caplog), Failing()
    tenant = Tenant(state=state)
    reader = tenant.reader()
    for passed, looks in ((0, 1), (60, 1), (61, 2), (122, 3)):
        tenant.clock.passed = passed
        shown = await reader.shown()
        assert (shown, state.looks) == (described(FOUND) if looks > 1 else {}, looks)
    unread = ("capability_unread", {"part": "storage", "reason": str(error)})
    assert logged(lines) == [unread] * 2
