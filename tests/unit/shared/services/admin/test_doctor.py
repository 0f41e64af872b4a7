"""Each situation of the app and what the doctor says of it, word for word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from shared.domain.bridges import BridgeNumber
from shared.domain.held import HeldUser
from shared.domain.listing import TenantSwitches
from shared.domain.number_rules import NumberRules
from shared.domain.pause import Pause, RequestedBy
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Run, RunState, Signal
from shared.domain.subscription import ChangeSubscription, GraphSubscription
from shared.errors import AccessDeniedError, AcpError, SettingsError, UnreachableError
from shared.services.admin.doctor import Doctor, Finding, Verdict
from shared.services.admin.run_history import RunHistory
from tests.fakes import NOON, FakeClock, FakeHeld, FakeRuns, FakeState, FakeTeams, FakeWaiting, guid
from tests.fakes.teams import QUIET

OK, WARNING, FAILED = Verdict.OK, Verdict.WARNING, Verdict.FAILED
DENIED = AccessDeniedError("Graph", "GET", "HTTP 403")
AWAY = UnreachableError("Graph", "GET", "x")
BRIDGES = {"change_bridge_1": 1}
ALL_ON = TenantSwitches(replaces_provider=True, sends_mail=True, sends_meetings=True)
TOLL, OTHER = BridgeNumber("+1", "one"), BridgeNumber("+2", "two")
FREE = BridgeNumber("+8", "one", toll_free=True)
LONG: Final = timedelta(days=6, hours=5, minutes=59)
CHECK_SUBSCRIPTION = "check the log for errors of keep_subscription"
CHECK_GROUPS = (
    "correct ACP_EXCLUDED_GROUPS, ACP_INCLUDED_GROUPS and ACP_NUMBER_RULES: object ids are needed"
)
EMPTY_RULE = "a rule without users gives no number: check its location or group"
HELD = HeldUser(guid(1), "", "BT", Signal.CATCH_UP, "one", NOON)
HIDDEN = "a group with hidden membership shows no members: check for such a group"


def subscribed(left: timedelta, name: str = "s") -> ChangeSubscription:
    """A subscription that lasts so much longer."""
    return ChangeSubscription((), name, NOON, NOON + left)


def run(number: int, cause: Signal = Signal.SWEEP, **fields: Any) -> Run:
    """A run of this month; the higher its number, the newer."""
    return Run(f"20261123T{number}", cause, RunState.FINISHED, NOON, **fields)


@dataclass
class App:
    """What the doctor examines; every part well, until a case says otherwise."""

    probe: Exception | str | None = None
    switches: TenantSwitches | None = QUIET
    bridges: list[BridgeNumber] = field(default_factory=lambda: [TOLL, OTHER, FREE])
    numbers: NumberRules = field(default_factory=NumberRules)
    groups: dict[str, list[int]] = field(default_factory=dict)
    """Members by page; a group without a page is unknown."""
    excluded: tuple[str, ...] = ()
    known: ChangeSubscription | None = field(default_factory=lambda: subscribed(LONG))
    caught_up: datetime | None = NOON
    queues: dict[str, int] = field(default_factory=dict)
    subscriptions: tuple[str, ...] = ("other", "s")
    waiting: list[Waiting] = field(default_factory=list)
    held: tuple[HeldUser, ...] = ()
    pilot: tuple[str, ...] = ()
    pause: Pause | None = None
    runs: tuple[Run, ...] = ()
    users: dict[str, int] = field(default_factory=dict)
    """How many users a rule has; 1,000 unless it is here."""
    unreadable: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    tenant: bool = True
    uncounted: AcpError | None = None
    meeting: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(1))
    """The first and a later part go on when so many are there."""

    async def members(self, group: str, *_: Any) -> AsyncIterator[list[str]]:
        if not self.groups[group]:
            raise SettingsError("no such group")
        for count in self.groups[group]:
            yield [guid(number) for number in range(count)]

    async def count_users(self, whom: Sequence[str]) -> dict[str, int]:
        if self.uncounted:
            raise self.uncounted
        return {each: self.users.get(each, 1000) for each in whom}

    async def _probe(self) -> str | None:
        await self.meeting.wait()
        if isinstance(self.probe, Exception):
            raise self.probe
        return self.probe

    async def findings(self) -> list[Finding]:
        async def excluded_faults() -> tuple[str, ...]:
            await self.meeting.wait()
            return self.excluded

        async def subscriptions() -> list[GraphSubscription]:
            return [GraphSubscription(name, NOON) for name in self.subscriptions]

        def counting(count: int) -> Callable[[], Awaitable[int]]:
            async def counted() -> int:
                return count

            return counted

        waiting = FakeWaiting()
        for row in self.waiting:
            await waiting.save_waiting(row)
        teams = FakeTeams(bridges=self.bridges, tenant_switches=self.switches)
        doctor = Doctor(
            probes={"Graph": (self._probe, "grant it")},
            queues={name: counting(count) for name, count in self.queues.items()},
            numbers=self.numbers,
            groups=tuple(self.groups),
            excluded_faults=excluded_faults,
            directory=self,
            subscriptions=subscriptions,
            count_users=self.count_users,
            unknown=self.unknown,
            tenant=teams if self.tenant else None,
            state=FakeState(self.known, link_at=self.caught_up, pausing=self.pause),
            waiting=waiting,
            held=FakeHeld({each.user_id: each for each in self.held}),
            included_groups=self.pilot,
            runs=RunHistory(FakeRuns({each.id: each for each in self.runs}), FakeClock()),
            unreadable=lambda: self.unreadable,
            clock=FakeClock(),
        )
        return [found async for found in doctor.examine()]


WELL = [
    Finding("Graph", OK, "answers"),
    Finding("mails and meetings", OK, "a move has no side effects"),
    Finding("bridges", OK, "2, with 2 toll and 1 toll-free numbers"),
    Finding("number rules", OK, "none: the service chooses"),
    Finding("groups", OK, "no groups are named"),
    Finding("excluded users", OK, "each entry names a user"),
    Finding("subscription", OK, "expires in 6 days and 5 hours"),
    Finding("catch-up", OK, "0 minutes ago"),
    Finding("queues", OK, ""),
    Finding("waiting users", OK, "0 waiting for another attempt, 0 need attention"),
    Finding("held users", OK, "none"),
    Finding("pause", OK, "changes are not paused"),
    Finding("stored rows", OK, "all that were read are readable"),
]


async def test_an_app_that_is_well() -> None:
    """Every part in its order; without a use for the tenant's numbers three are left out."""
    assert await App().findings() == WELL
    assert await App(tenant=False).findings() == [WELL[0], *WELL[4:]]


@pytest.mark.parametrize(
    ("app", "finding"),
    [
        (App(probe="v1.0"), Finding("Graph", OK, "v1.0")),
        (App(probe=DENIED), Finding("Graph", FAILED, str(DENIED), "grant it")),
        (
            App(probe=AWAY),
            Finding("Graph", FAILED, str(AWAY), "try again; then check the address"),
        ),
        (
            App(unknown=("ACP_MOD: unknown",)),
            Finding("settings", WARNING, "ACP_MOD: unknown", "correct the name, or remove it"),
        ),
        (
            App(switches=ALL_ON),
            Finding(
                "mails and meetings",
                WARNING,
                "users are mailed new numbers and PINs; future meetings are sent again; "
                "licensing alone replaces a third party",
                "inform the users, or switch it off before a large move",
            ),
        ),
        (
            App(switches=None),
            Finding("mails and meetings", WARNING, "not known", "check them in the admin center"),
        ),
        (
            App(bridges=[FREE]),
            Finding(
                "bridges",
                FAILED,
                "1, with 0 toll and 1 toll-free numbers",
                "the tenant has no number to dial in: check its conference bridges",
            ),
        ),
        (
            App(numbers=NumberRules(by_location={"DE": "+49", "FR": "+33"}, default="+1")),
            Finding(
                "number rules",
                FAILED,
                "no toll number of a bridge: DE=+49, FR=+33",
                "choose among +1, +2 in ACP_NUMBER_RULES",
            ),
        ),
        (
            App(
                numbers=NumberRules(default="+99"),
                bridges=[BridgeNumber(f"+{number}", "b") for number in range(10, 21)],
            ),
            Finding(
                "number rules",
                FAILED,
                "no toll number of a bridge: *=+99",
                f"choose among {', '.join(f'+{n}' for n in range(10, 20))} in ACP_NUMBER_RULES",
            ),
        ),
        (
            App(numbers=NumberRules(by_location={"DE": "+1"}, default="+2"), users={"*": 2000}),
            Finding("number rules", OK, "2, each on a bridge; users by rule: DE 1,000, * 1,000"),
        ),
        (
            App(groups={guid(1): [], guid(2): [3], guid(3): []}),
            Finding("groups", FAILED, "2 of 3 unknown", CHECK_GROUPS),
        ),
        (App(groups={guid(1): [1, 2], guid(2): [4]}), Finding("groups", OK, "2, with 7 users")),
        (
            App(groups={guid(1): [0], guid(2): [0], guid(3): [1]}),
            Finding("groups", WARNING, "3, with 1 user; 2 without members", HIDDEN),
        ),
        (
            App(excluded=("'a' names nobody", "'b' names nobody")),
            Finding(
                "excluded users",
                FAILED,
                "'a' names nobody; 'b' names nobody",
                "correct these entries of ACP_EXCLUDED_USERS",
            ),
        ),
        *(
            (
                App(known=known),
                Finding(
                    "subscription",
                    WARNING,
                    "there is none: Graph sends no notifications",
                    CHECK_SUBSCRIPTION,
                ),
            )
            for known in (
                None,
                ChangeSubscription((), "", NOON, NOON + timedelta(days=2)),
                ChangeSubscription((), "s", NOON),
            )
        ),
        (
            App(known=subscribed(timedelta(0))),
            Finding("subscription", FAILED, "it has expired", CHECK_SUBSCRIPTION),
        ),
        (
            App(known=subscribed(timedelta(seconds=1))),
            Finding("subscription", WARNING, "expires in 0 days and 0 hours", CHECK_SUBSCRIPTION),
        ),
        (
            App(known=subscribed(timedelta(days=1))),
            Finding("subscription", OK, "expires in 1 day and 0 hours"),
        ),
        (
            App(caught_up=None),
            Finding(
                "catch-up",
                WARNING,
                "it has not run yet",
                "check the log for errors of catch_up",
            ),
        ),
        (
            App(caught_up=NOON - timedelta(minutes=30)),
            Finding("catch-up", OK, "30 minutes ago"),
        ),
        (
            App(caught_up=NOON - timedelta(minutes=31)),
            Finding(
                "catch-up",
                FAILED,
                "31 minutes ago",
                "check the log for errors of catch_up",
            ),
        ),
        (App(queues={"moves": 7, "other": 0}), Finding("queues", OK, "moves 7, other 0")),
        (
            App(queues={"moves": 7, "moves-poison": 1}),
            Finding(
                "queues",
                WARNING,
                "moves 7, moves-poison 1",
                "examine the messages: their users may need `acp move`",
            ),
        ),
        (
            App(
                waiting=[
                    *(Waiting(guid(n), WaitReason.SERVICE, "r", NOON, NOON, NOON) for n in (1, 2)),
                    ask_person(guid(3), "", "rare", NOON),
                    *(ask_person(guid(n), "", "x" * 301, NOON) for n in (4, 5)),
                ]
            ),
            Finding(
                "waiting users",
                WARNING,
                "2 waiting for another attempt, 3 need attention, most of them because: "
                + "x" * 300,
                "`acp attention` lists them",
            ),
        ),
        (App(held=(replace(HELD, released=True),)), Finding("held users", OK, "none")),
        (
            App(
                held=(
                    HELD,
                    *(replace(HELD, user_id=guid(number), run="two") for number in (2, 3)),
                    *(replace(HELD, user_id=guid(n), run=f"three {n}") for n in range(10, 19)),
                )
            ),
            Finding(
                "held users",
                WARNING,
                f"12 on two (2), one (1), {', '.join(f'three {n} (1)' for n in range(10, 18))}",
                "`acp held` lists them; `acp release RUN` or `acp discard RUN` decides",
            ),
        ),
        (
            App(pause=Pause("why", RequestedBy("adele"), NOON)),
            Finding(
                "pause",
                WARNING,
                "changes are paused by adele since 2026-11-23 12:00 UTC: why",
                "`acp pause --off` ends it; until then nobody is changed",
            ),
        ),
        (
            App(groups={guid(1): [1], guid(2): [0]}, pilot=(guid(2),)),
            Finding(
                "groups",
                WARNING,
                f"ACP_INCLUDED_GROUPS: {guid(2)} shows no members, so it includes nobody",
                "add members, or name another group; a hidden membership shows none",
            ),
        ),
        # K16: all subscriptions were deleted at Graph.
        (
            App(subscriptions=("other",)),
            Finding(
                "subscription",
                WARNING,
                "Graph lists no such subscription for this identity: perhaps nobody is notified",
                "`POST /api/subscription` creates it; keep_subscription does at its next run",
            ),
        ),
        (
            App(
                numbers=NumberRules.parse(dict.fromkeys((guid(98), "FR", "DE", "*"), "+1")),
                users={guid(98): 4, "FR": 12, "DE": 0, "*": 1300},
            ),
            Finding(
                "number rules",
                WARNING,
                f"4, each on a bridge; users by rule: {guid(98)} 4, FR 12, DE 0, * 1,288",
                EMPTY_RULE,
            ),
        ),
        *(
            (
                App(
                    numbers=NumberRules(default="+1"),
                    runs=(
                        run(3, counts=BRIDGES),
                        run(2, Signal.REQUEST, counts=BRIDGES, scanned=True),
                        run(1, counts=counts, scanned=True),
                        run(0, counts=BRIDGES, scanned=True),
                    ),
                ),
                finding,
            )
            for counts, finding in (
                (
                    {"change_bridge_1": 3, "change_bridge_4930": 2},
                    Finding(
                        "number rules",
                        WARNING,
                        "3 users on Microsoft would get a new conference ID because rule *=+1 names a "
                        "number on another bridge (last sweep)",
                        "their IDs are saved before (`acp saved`); or correct ACP_NUMBER_RULES",
                    ),
                ),
                ({}, Finding("number rules", OK, "1, each on a bridge; users by rule: * 1,000")),
            )
        ),
        (
            App(unreadable={"waiting": 1, "runs": 2}),
            Finding(
                "stored rows",
                WARNING,
                "cannot be read: 2 in runs, 1 in waiting",
                "update the app, if it was rolled back; else repair or delete them "
                "(docs/security.md)",
            ),
        ),
    ],
)
async def test_what_is_said_of_a_situation(app: App, finding: Finding) -> None:
    """Part, verdict, detail and what to do; every other part stays as it was."""
    found = {each.part: each for each in await app.findings()}
    assert found[finding.part] == finding
    others = {each.part: each for each in WELL if each.part != finding.part}
    assert {part: found[part] for part in others} | {"bridges": ""} == others | {"bridges": ""}


async def test_a_part_that_cannot_be_examined_is_a_finding() -> None:
    """An error stops no other part."""
    found = await App(numbers=NumberRules(default="+1"), uncounted=AWAY).findings()
    failed = Finding("number rules", FAILED, str(AWAY), "see the lines above")
    assert found == [failed if each.part == failed.part else each for each in WELL]


async def test_parts_are_examined_at_the_same_time() -> None:
    """Two parts that wait for each other both end, and the findings keep their order."""
    app = App(meeting=asyncio.Barrier(2))
    assert await asyncio.wait_for(app.findings(), 5) == await App().findings()
