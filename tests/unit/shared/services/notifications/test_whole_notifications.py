"""Notifications, catch-up and subscription as a whole: what is queued, stored, asked of Graph and logged."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Mode, Signal, SweepRequest
from shared.domain.subscription import ChangeSubscription, GraphSubscription, Secret
from shared.errors import (
    AccessDeniedError,
    ExpiredError,
    InputError,
    RejectedError,
    SettingsError,
    StorageError,
    TooLargeError,
    UnreachableError,
)
from shared.services.notifications.catch_up import CatchUp
from shared.services.notifications.intake import Accepted, NotificationIntake
from shared.services.notifications.subscription import Subscriber
from shared.telemetry.log import EventLog
from shared.telemetry.operation import count_throttled
from tests.fakes import (
    NOON,
    FakeClock,
    FakeDirectory,
    FakeQueue,
    FakeState,
    FakeUsers,
    FakeWaiting,
    guid,
)
from tests.loglines import Lines

TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"
OURS = ChangeSubscription((Secret("secret", "subscription-1"),), "subscription-1")
URL = "https://app.example/api/graph/notifications"
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What is logged from here on."""
    return Lines(caplog)


def logged(lines: Lines) -> list[dict[str, str]]:
    """Every line, without its operation."""
    return [
        {"event": event, **{name: fields[name] for name in fields if name != "operation"}}
        for event, fields in lines.all
    ]


def notification(number: int, **other: Any) -> dict[str, Any]:
    """A notification of ours; `other` replaces fields."""
    return {
        "subscriptionId": "subscription-1",
        "clientState": "secret",
        "tenantId": TENANT.upper(),
        "resourceData": {"id": guid(number).upper(), "eventTime": "2026-11-23T11:59:58.500Z"},
        **other,
    }


def intake(state: FakeState, clock: FakeClock) -> NotificationIntake:
    """An intake with fakes around it."""
    return NotificationIntake(state, TENANT, Mode.REPORT, clock, EventLog("acp.intake"))


async def test_a_body_is_taken_in(lines: Lines) -> None:
    """Messages with mode and operation, counts by reason, and one line of each kind."""
    dropped: dict[str, list[Any]] = {
        "malformed": [1],
        "wrong_tenant": [notification(9, tenantId=guid(9))] * 2,
        "unknown_subscription": [notification(9, subscriptionId="other")] * 3,
        "wrong_client_state": [notification(9, clientState="wrong")] * 4,
        "no_user": [notification(9, resourceData=None)] * 5,
    }
    items = [*map(notification, (1, 2, 1)), *(each for some in dropped.values() for each in some)]
    accepted = await intake(FakeState(OURS), FakeClock()).webhook(
        json.dumps({"value": items}).encode()
    )
    operation = lines.one("notified")["operation"]
    users = (guid(1), guid(2))
    message = MoveMessage(Signal.LICENSE_EVENT, users, None, operation, Mode.REPORT)
    counts = {reason: len(some) for reason, some in dropped.items()}
    assert accepted == Accepted([message], 2, Counter(counts))
    assert logged(lines) == [
        {"event": "notifications_dropped", **{name: str(count) for name, count in counts.items()}},
        {"event": "notified", "users": "2", "lag_ms": "1500"},
    ]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (
            b" " * 1_048_577,
            TooLargeError("the body has 1048577 bytes; at most 1048576 are accepted"),
        ),
        (
            json.dumps({"value": [0] * 5_001}).encode(),
            TooLargeError("5001 notifications; at most 5000 are accepted"),
        ),
        (b"{", InputError("the body is not JSON")),
        (b"[" * 100_000, InputError("the body is not JSON")),
        (b"[]", InputError("field value: a list of notifications is needed")),
        (b'{"VALUE": []}', InputError("field value: a list of notifications is needed")),
    ],
)
async def test_what_is_no_body_is_told(content: bytes, error: Exception) -> None:
    """The whole text; the largest body and the longest list are still taken."""
    taken_in = intake(FakeState(OURS), FakeClock())
    with pytest.raises(type(error)) as told:
        await taken_in.webhook(content)
    assert str(told.value) == str(error)
    largest = [b'{"value":[]}'.ljust(1_048_576), json.dumps({"value": [0] * 5_000}).encode()]
    accepted = [await taken_in.webhook(each) for each in largest]
    assert accepted == [Accepted([], 0), Accepted([], 0, Counter(malformed=5_000))]


async def test_secrets_are_trusted_for_ten_seconds() -> None:
    """Of a subscription that is known; an unknown one is looked up ten times a second at most."""
    state, clock = FakeState(OURS), FakeClock()
    taken_in, reads = intake(state, clock), []
    other = notification(1, subscriptionId="other")
    looks = ((0, False), (9.9, False), (10, False), (10.05, True), (10.1, True), (10.15, True))
    for passed, is_unknown in (*looks, (20.09, False), (20.1, False)):
        clock.passed = passed
        await taken_in.accept([other if is_unknown else notification(1)])
        reads.append(state.reads)
    assert reads == [1, 1, 2, 2, 3, 3, 3, 4]


class Throttled(FakeDirectory):
    """Graph, which is throttled once per round."""

    async def changes(self, link: str) -> AsyncIterator[ChangePage]:
        count_throttled()
        async for page in super().changes(link):
            yield page


def catch_up(
    state: FakeState, directory: FakeDirectory, queue: FakeQueue, users: FakeUsers | None = None
) -> CatchUp:
    """A catch-up with fakes around it, two minutes after noon."""
    clock = FakeClock()
    clock.passed = 120
    return CatchUp(
        directory=directory,
        state=state,
        queue=queue,
        users=users or FakeUsers(),
        waiting=FakeWaiting(),
        mode=Mode.MOVE,
        clock=clock,
        log=EventLog("acp.catching_up"),
    )


async def test_a_round_is_queued_stored_and_told(lines: Lines) -> None:
    """One message per page, the time of the round's end, and one line with all figures."""
    state, directory, queue = FakeState(link="stored"), Throttled(), FakeQueue()
    old = ChangedUser(guid(3), False, True, NOON - 90 * DAY)
    users = [ChangedUser(guid(1), False, True), ChangedUser(guid(2), False, True)]
    odd = ChangedUser("x", False, True)
    directory.delta_pages = [
        ChangePage([users[0], odd], None, "page-1", skipped=2),
        ChangePage([users[1], ChangedUser(guid(4), False, False), old], "new"),
    ]
    known = FakeUsers()
    settled = UserResult(old.id, Outcome.ALREADY_MICROSOFT, "")
    await known.record_result(settled, Signal.SWEEP, NOON)
    assert await catch_up(state, directory, queue, known).catch_up() == 2
    operation = lines.one("caught_up")["operation"]
    assert queue.messages == [
        MoveMessage(Signal.CATCH_UP, (user.id,), None, operation, Mode.MOVE) for user in users
    ]
    assert (state.link, state.link_at, state.leases) == ("new", NOON + 120 * SECOND, {})
    figures = {"queued": "2", "unchanged": "1", "skipped": "3", "throttled": "1"}
    assert logged(lines) == [{"event": "caught_up", **figures}]


async def test_a_round_without_news_says_nothing_unless_it_was_throttled(lines: Lines) -> None:
    """Figures of zero are left out, but for the throttled answers."""
    for directory in (FakeDirectory(), Throttled()):
        directory.delta_pages = [ChangePage([], "new")]
        assert await catch_up(FakeState(link="stored"), directory, FakeQueue()).catch_up() == 0
    assert logged(lines) == [{"event": "caught_up", "queued": "0", "throttled": "1"}]


@pytest.mark.parametrize(("link", "wanted"), [(None, None), ("stored", SweepRequest())])
async def test_a_round_begins_anew(
    link: str | None, wanted: SweepRequest | None, lines: Lines
) -> None:
    """The first time from now on; after an expired link with a sweep, and a line."""
    state, directory = FakeState(link=link), FakeDirectory()
    directory.delta_error = ExpiredError("Graph", "GET", "HTTP 410")
    await catch_up(state, directory, FakeQueue()).catch_up()
    stored = (state.link, state.link_at, state.wanted)
    assert stored == ("latest-1", NOON + 120 * SECOND, wanted)
    assert logged(lines) == ([{"event": "delta_link_expired"}] if link else [])


@dataclass
class Graph(FakeDirectory):
    """Graph, which remembers each creation: address, secret and end."""

    asked: list[tuple[str, str, datetime]] = field(default_factory=list)

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        self.asked.append((url, client_state, expires))
        return await super().create_subscription(url, client_state, expires)


def subscriber(
    graph: Graph, state: FakeState, clock: FakeClock, url: str | None = URL
) -> Subscriber:
    """A subscriber with fakes around it."""
    return Subscriber(graph, state, url, clock, EventLog("acp.subscribing"))


@pytest.mark.parametrize("url", [URL, "EventGrid:?azuresubscriptionid=8A8A8A4A"])
async def test_a_subscription_is_created_renewed_and_replaced(url: str, lines: Lines) -> None:
    """With a secret of its own, for seven days; renewed with less than five left; new after thirty days."""
    graph, state, clock = Graph(), FakeState(), FakeClock()
    first = await subscriber(graph, state, clock, url).keep()
    ((address, secret, expires),) = graph.asked
    assert (address.split("?s=")[0], len(address) - len(url)) == (url, 11 if url == URL else 0)
    name = "subscription-1"
    kept = ChangeSubscription((Secret(secret, name),), name, NOON, NOON + 7 * DAY)
    assert (first, state.known, expires) == (kept, kept, NOON + 7 * DAY)
    clock.passed = (2 * DAY).total_seconds()
    assert await subscriber(graph, state, clock, url).keep() == kept
    clock.passed += 1
    renewed = replace(kept, expires_at=NOON + 9 * DAY + SECOND)
    assert await subscriber(graph, state, clock, url).keep() == renewed == state.known
    again = await subscriber(graph, state, clock, url).keep(renew_now=True)
    assert (again, len(secret) > 40) == (renewed, True)
    told = [
        {
            "event": "subscription_created",
            "subscription": name,
            "expires": f"{NOON + 7 * DAY:%FT%T}",
        },
        *[
            {
                "event": "subscription_renewed",
                "subscription": name,
                "expires": f"{NOON + 9 * DAY + SECOND:%FT%T}",
            }
        ]
        * 2,
    ]
    told = [{**each, "expires": f"{each['expires']}+00:00"} for each in told]
    state.known = replace(renewed, expires_at=NOON + 60 * DAY)
    clock.passed = (30 * DAY).total_seconds() - 1
    assert (await subscriber(graph, state, clock, url).keep()).subscription_id == name
    clock.passed += 1
    now, other = clock.now(), "subscription-2"
    newest = await subscriber(graph, state, clock, url).keep()
    if url == URL:
        old = Secret(secret, name, (now + HOUR).isoformat())
        secrets = (Secret(graph.asked[1][1], other), old)
        assert newest == state.known == ChangeSubscription(secrets, other, now, now + 7 * DAY)
        end = (now + 7 * DAY).isoformat()
        told += [
            {"event": "subscription_created", "subscription": other, "expires": end},
            {"event": "subscription_deleted", "subscription": name},
        ]
    assert (logged(lines), state.leases) == (told, {})


async def test_a_subscription_that_is_gone_is_made_anew(lines: Lines) -> None:
    """Found by its absence, or when it is renewed; the old secret opens for an hour."""
    state = FakeState(ChangeSubscription((Secret("old", "gone"),), "gone", NOON, NOON + DAY))
    graph, clock = Graph(), FakeClock()
    kept = await subscriber(graph, state, clock).keep()
    ((_, secret, _),) = graph.asked
    name, old = "subscription-1", Secret("old", "gone", (NOON + HOUR).isoformat())
    secrets = (Secret(secret, name), old)
    assert kept == state.known == ChangeSubscription(secrets, name, NOON, NOON + 7 * DAY)
    end = (NOON + 7 * DAY).isoformat()
    created = {"event": "subscription_created", "subscription": name, "expires": end}
    assert logged(lines) == [{"event": "subscription_gone", "subscription": "gone"}, created]

    class Vanishing(Graph):
        async def renew_subscription(
            self, subscription_id: str, expires: datetime
        ) -> GraphSubscription:
            del self.live[subscription_id]
            return await super().renew_subscription(subscription_id, expires)

    vanishing = Vanishing(live=graph.live, created=graph.created)
    again = await subscriber(vanishing, state, clock).keep(renew_now=True)
    assert again.subscription_id == "subscription-2"
    gone = {"event": "subscription_gone", "subscription": name}
    assert logged(lines)[2:] == [gone, {**created, "subscription": "subscription-2"}]


async def test_graph_may_refuse_a_second_subscription(lines: Lines) -> None:
    """The old one goes first, and the same creation is tried once more; those of others stay."""
    graph, clock = Graph(one_subscription_only=True), FakeClock()
    await graph.create_subscription(f"{URL}?s=old", "old", NOON + DAY)
    kept = await subscriber(graph, FakeState(), clock).keep()
    assert (list(graph.live), kept.subscription_id) == ([kept.subscription_id], "subscription-2")
    assert graph.asked[1] == graph.asked[2]
    assert [line["event"] for line in logged(lines)] == [
        "subscription_deleted",
        "subscription_created",
    ]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        RejectedError("Graph", "POST", "HTTP 400", status=400),
        AccessDeniedError("Graph", "POST", "HTTP 403", status=403),
        UnreachableError("Graph", "POST", "ReadTimeout"),
    ],
)
async def test_a_creation_that_fails_leaves_what_was_known(error: Any, known: bool) -> None:
    """The secrets in use, and for ten minutes that of a creation which may have happened."""
    old, ended = Secret("old", "gone"), Secret("ended", "gone", NOON.isoformat())
    before = ChangeSubscription((old, ended), "gone", NOON - DAY, NOON + DAY)
    graph, state = Graph(create_error=error), FakeState(before if known else None)
    with pytest.raises(type(error)):
        await subscriber(graph, state, FakeClock()).keep()
    ((_, secret, _),) = graph.asked
    pending = Secret(secret, "", (NOON + timedelta(minutes=10)).isoformat())
    left = (pending,) if isinstance(error, UnreachableError) else ()
    expected = replace(before, secrets=(*left, old)) if known else ChangeSubscription(left)
    assert state.known == expected
    minute = timedelta(seconds=60)
    assert state.leased == [
        ("subscription", NOON, minute, False),
        ("subscription", NOON, minute, True),
        ("subscription", NOON, None, False),
    ]


async def test_who_waits_for_the_lease_in_vain_says_so() -> None:
    """A second at a time, for five minutes; without an address nobody even waits."""
    state, clock = FakeState(), FakeClock()
    state.leases["subscription"] = ("other", NOON + DAY)
    with pytest.raises(StorageError) as told:
        await subscriber(Graph(), state, clock).keep()
    assert str(told.value) == str(
        StorageError("take the lease of the subscription", "another instance keeps it")
    )
    assert clock.slept == [1.0] * 301
    with pytest.raises(SettingsError) as missing:
        await subscriber(Graph(), state, clock, None).keep()
    assert str(missing.value) == ("ACP_PUBLIC_URL: missing, and WEBSITE_HOSTNAME is not set either")
