"""The doctor: each part is found well, doubtful or failing, with what to do about it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.clients.graph_groups import unknown_group
from shared.domain.bridges import BridgeNumber
from shared.domain.held import HeldUser
from shared.domain.listing import TenantSwitches
from shared.domain.number_rules import NumberRules
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import ask_person
from shared.domain.run import Run, RunState, Signal
from shared.domain.subscription import ChangeSubscription, GraphSubscription
from shared.errors import AccessDeniedError, ServiceError, UnreachableError
from shared.services.admin.doctor import Doctor, Finding, Verdict
from shared.services.admin.run_history import RunHistory
from tests.fakes import NOON, FakeClock, FakeHeld, FakeRuns, FakeState, FakeTeams, FakeWaiting, guid
from tests.fakes.teams import QUIET

BRIDGES = [
    BridgeNumber("+14255550100", "bridge"),
    BridgeNumber("+18005550100", "bridge", toll_free=True),
]


HELD = HeldUser(guid(1), "", "BT", Signal.CATCH_UP, "20261123T110000Z-catch-up-held", NOON)


@dataclass
class Patient:
    """An app that is well, until a test makes it ill."""

    error: ServiceError | None = None
    switches: TenantSwitches = QUIET
    known: ChangeSubscription | None = field(
        default_factory=lambda: ChangeSubscription((), "s1", NOON, NOON + timedelta(days=6))
    )
    stored: datetime | None = NOON
    poison: int = 0
    groups: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    numbers: NumberRules = field(default_factory=lambda: NumberRules(default="+14255550100"))
    rule_users: dict[str, int] = field(default_factory=lambda: {"*": 9})
    subscriptions: tuple[str, ...] = ("s1", "other")
    pilot: tuple[str, ...] = ()
    held: tuple[HeldUser, ...] = ()
    pause: Pause | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    """Those of the last sweep."""
    waiting: FakeWaiting = field(default_factory=FakeWaiting)
    unreadable: dict[str, int] = field(default_factory=dict)

    async def probe(self) -> None:
        if self.error:
            raise self.error

    async def members(self, group: str) -> AsyncIterator[list[str]]:
        if group == guid(99):
            raise unknown_group(group)
        yield [] if group == guid(97) else [guid(1), guid(2)]

    async def count(self) -> int:
        return self.poison

    async def excluded_faults(self) -> tuple[str, ...]:
        return self.excluded

    async def live(self) -> list[GraphSubscription]:
        return [GraphSubscription(name, NOON) for name in self.subscriptions]

    async def count_users(self, whom: Sequence[str]) -> Mapping[str, int]:
        return {each: self.rule_users.get(each, 0) for each in whom}

    async def examine(self) -> dict[str, Finding]:
        name = "20261123T020000Z-sweep-1f2e"
        run = Run(name, Signal.SWEEP, RunState.FINISHED, NOON, counts=self.counts, scanned=True)
        doctor = Doctor(
            probes={"Graph": (self.probe, "grant it")},
            queues={"moves-poison": self.count},
            numbers=self.numbers,
            groups=self.groups,
            excluded_faults=self.excluded_faults,
            directory=self,
            subscriptions=self.live,
            count_users=self.count_users,
            unknown=self.unknown,
            tenant=FakeTeams(
                tenant_switches=self.switches, bridges=BRIDGES, tenant_error=self.error
            ),
            runs=RunHistory(FakeRuns({name: run}), FakeClock()),
            state=FakeState(self.known, link_at=self.stored, pausing=self.pause),
            waiting=self.waiting,
            unreadable=lambda: self.unreadable,
            held=FakeHeld({each.user_id: each for each in self.held}),
            included_groups=self.pilot,
            clock=FakeClock(),
        )
        return {found.part: found async for found in doctor.examine()}


async def test_all_is_well() -> None:
    """An app with nothing wrong is ok in every part, and there is nothing to do."""
    found = await Patient().examine()
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    assert {each.to_do for each in found.values()} == {""}


@pytest.mark.parametrize(
    ("patient", "part", "verdict"),
    [
        (Patient(error=AccessDeniedError("Graph", "GET", "HTTP 403")), "Graph", Verdict.FAILED),
        (
            Patient(error=UnreachableError("Graph", "GET", "x")),
            "mails and meetings",
            Verdict.FAILED,
        ),
        (
            Patient(switches=replace(QUIET, sends_mail=True)),
            "mails and meetings",
            Verdict.WARNING,
        ),
        (
            Patient(excluded=("'ceo@contoso.example' names nobody",)),
            "excluded users",
            Verdict.FAILED,
        ),
        (Patient(known=None), "subscription", Verdict.WARNING),
        (Patient(known=ChangeSubscription((), "s", NOON, NOON)), "subscription", Verdict.FAILED),
        (
            Patient(known=ChangeSubscription((), "s", NOON, NOON + timedelta(hours=23))),
            "subscription",
            Verdict.WARNING,
        ),
        (Patient(rule_users={}), "number rules", Verdict.WARNING),
        (Patient(stored=None), "catch-up", Verdict.WARNING),
        (Patient(stored=NOON - timedelta(minutes=31)), "catch-up", Verdict.FAILED),
        (Patient(poison=1), "queues", Verdict.WARNING),
        (
            Patient(numbers=NumberRules({}, {"DE": "+4969120012345"})),
            "number rules",
            Verdict.FAILED,
        ),
        (Patient(groups=(guid(98), guid(99))), "groups", Verdict.FAILED),
        (Patient(unknown=("ACP_MOD: no such setting",)), "settings", Verdict.WARNING),
        (Patient(groups=(guid(97),), pilot=(guid(97),)), "groups", Verdict.WARNING),
        (Patient(held=(HELD,)), "held users", Verdict.WARNING),
        (Patient(pause=Pause("why", RequestedBy("adele"), NOON)), "pause", Verdict.WARNING),
    ],
)
async def test_what_is_wrong_is_found(patient: Patient, part: str, verdict: Verdict) -> None:
    """Each trouble shows in its own part, and there is something to do."""
    found = (await patient.examine())[part]
    assert found.verdict is verdict
    assert found.to_do


async def test_a_subscription_that_graph_has_not() -> None:
    """K16: what the app remembers is checked at Graph: a deleted subscription is not well for six days."""
    assert (await Patient(subscriptions=()).examine())["subscription"] == Finding(
        "subscription",
        Verdict.WARNING,
        "Graph lists no such subscription for this identity: perhaps nobody is notified",
        "`POST /api/subscription` creates it; keep_subscription does at its next run",
    )


async def test_users_are_counted_by_rule() -> None:
    """K10: a rule for a location or a group that has nobody shows, and all others are the rest."""
    numbers = NumberRules.parse(dict.fromkeys((guid(98), "FR", "DE", "*"), "+14255550100"))
    users = {guid(98): 4, "FR": 12, "DE": 0, "*": 1300}
    assert (await Patient(numbers=numbers, rule_users=users).examine())["number rules"] == Finding(
        "number rules",
        Verdict.WARNING,
        f"4, each on a bridge; users by rule: {guid(98)} 4, FR 12, DE 0, * 1,288",
        "a rule without users gives no number: check its location or group",
    )


async def test_a_released_user_is_not_reported_as_held() -> None:
    """Somebody decided already; the change is under way."""
    released = replace(HELD, released=True)
    assert (await Patient(held=(released,)).examine())["held users"].verdict is Verdict.OK


async def test_a_rule_that_changes_bridges_is_named() -> None:
    """What the last sweep found of users on Microsoft; a number that no rule names any more is history."""
    counts = {"change_bridge": 5, "change_bridge_14255550100": 3, "change_bridge_4930": 2}
    found = (await Patient(counts=counts).examine())["number rules"]
    assert found == Finding(
        "number rules",
        Verdict.WARNING,
        "3 users on Microsoft would get a new conference ID because rule *=+14255550100 names a number "
        "on another bridge (last sweep)",
        "their IDs are saved before (`acp saved`); or correct ACP_NUMBER_RULES",
    )


async def test_users_who_need_help_are_counted() -> None:
    """A user on the attention list is a warning that says how to see who it is."""
    patient = Patient()
    await patient.waiting.save_waiting(ask_person(guid(1), "", "why", NOON))
    found = (await patient.examine())["waiting users"]
    assert found.detail == (
        "0 waiting for another attempt, 1 need attention, most of them because: why"
    )


async def test_the_most_frequent_reason_is_named() -> None:
    """A verb that the service does not take concerns everybody: the doctor names what to correct."""
    patient = Patient()
    verb = "HTTP 405; the service takes POST: correct the verb of /Teams.Cpc/users/{id}"
    for number, reason in enumerate(["other", verb, verb]):
        await patient.waiting.save_waiting(ask_person(guid(number), "", reason, NOON))
    assert verb in (await patient.examine())["waiting users"].detail


async def test_rows_that_cannot_be_read_are_counted_by_table() -> None:
    """Attack 10: damaged rows, and those of a newer version, are told with what to do."""
    found = await Patient(unreadable={"waiting": 1, "runs": 2}).examine()
    assert found["stored rows"] == Finding(
        "stored rows",
        Verdict.WARNING,
        "cannot be read: 2 in runs, 1 in waiting",
        "update the app, if it was rolled back; else repair or delete them (docs/security.md)",
    )
