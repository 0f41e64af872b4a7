"""Taking in notifications: ours are queued, all others are dropped without a sign."""

import asyncio
import json
import logging
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.run import Mode
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import AcpError, InputError, TooLargeError
from shared.services.notifications.intake import (
    LONGEST_BODY,
    MOST_NOTIFICATIONS,
    Accepted,
    NotificationIntake,
)
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeClock, FakeState, guid
from tests.loglines import Lines

TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"
SECRET = "a-secret-of-the-subscription"
OURS = ChangeSubscription((Secret(SECRET, "subscription-1"),), "subscription-1")


def notification(number: int = 1, **other: Any) -> dict[str, Any]:
    """A notification as Graph sends it; `other` replaces fields."""
    return {
        "id": "n1",
        "subscriptionId": "subscription-1",
        "subscriptionExpirationDateTime": "2026-12-20T00:00:00Z",
        "clientState": SECRET,
        "changeType": "updated",
        "resource": f"Users/{guid(number)}",
        "tenantId": TENANT,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.User",
            "@odata.id": f"Users/{guid(number)}",
            "id": guid(number),
            "organizationId": TENANT,
            "eventTime": "2026-11-23T10:00:00.3062901Z",
            "sequenceNumber": 0,
        },
        **other,
    }


def intake(state: FakeState | None = None, clock: FakeClock | None = None) -> NotificationIntake:
    """An intake that knows one subscription."""
    log = EventLog("acp.intake")
    return NotificationIntake(
        state or FakeState(OURS), TENANT, Mode.MOVE, clock or FakeClock(), log
    )


def users(accepted: Accepted) -> list[str]:
    """The users in the messages."""
    return [user for message in accepted.messages for user in message.users]


def body(*items: object) -> bytes:
    """A webhook's body."""
    return json.dumps({"value": items}).encode()


async def test_users_are_queued_once() -> None:
    """Two notifications of one user are one look; messages carry up to 20."""
    items = [notification(number % 25) for number in range(50)]
    accepted = await intake().webhook(body(*items))
    assert users(accepted) == [guid(number) for number in range(25)]
    assert len(accepted.messages) == 2


def cloud_event(**other: Any) -> str:
    """A CloudEvent with a notification of ours, as Event Grid sends it; `other` replaces fields."""
    fields = {"specversion": "1.0", "type": "Microsoft.Graph.UserUpdated", "data": notification()}
    return json.dumps({**fields, **other})


@pytest.mark.parametrize(
    "other", [{"time": "yesterday"}, {"time": 7}, {"self": "x"}, {"type": 7, "id": None}]
)
async def test_only_type_and_data_of_an_event_count(other: dict[str, Any]) -> None:
    """Attack 11: an odd time, or an extension of any name, keeps nobody's signal back."""
    accepted = await intake().event(cloud_event(**other))
    assert (users(accepted), accepted.dropped) == ([guid(1)], {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        json.dumps({"eventType": "x", "data": notification()}),
        cloud_event(data=None),
        cloud_event(data=[notification()]),
        cloud_event(data="x", type=None),
    ],
)
async def test_what_is_no_event_of_ours_is_dropped_and_counted(text: str) -> None:
    """Another schema, no JSON, no notification: no error, with which it would be sent again."""
    assert await intake().event(text) == Accepted([], 0, Counter(malformed=1))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"clientState": "wrong"}, "wrong_client_state"),
        ({"clientState": ""}, "wrong_client_state"),
        ({"clientState": "ü" * 40}, "wrong_client_state"),
        ({"tenantId": guid(7)}, "wrong_tenant"),
        ({"subscriptionId": "other"}, "unknown_subscription"),
        ({"resourceData": {"id": "not a guid"}}, "malformed"),
        ({"resourceData": None}, "no_user"),
        ({"clientState": None}, "malformed"),
        ({"clientState": ["x"]}, "malformed"),
    ],
)
async def test_foreign_notifications_are_dropped_and_counted(
    fields: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong secret, tenant, subscription or shape queues nothing; the log has counts, no content."""
    with caplog.at_level(logging.INFO):
        accepted = await intake().webhook(body(notification(1, **fields), notification(2)))
    assert users(accepted) == [guid(2)]
    assert accepted.dropped == {reason: 1}
    assert re.search(rf"notifications_dropped operation=\w+ {reason}=1", caplog.text)
    assert SECRET not in caplog.text
    assert guid(1) not in caplog.text


async def test_items_that_are_no_objects_are_dropped() -> None:
    """A list with anything in it spoils nothing but its own items."""
    accepted = await intake().webhook(body(1, None, "x", [], notification(2)))
    assert users(accepted) == [guid(2)]
    assert accepted.dropped == {"malformed": 4}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"value": {}}', b"\xff\xfe", b"[" * 100_000]
)
async def test_malformed_body_is_refused_with_one_line(content: bytes) -> None:
    """A body that is not a notification collection gets a one-line reason."""
    with pytest.raises(InputError) as caught:
        await intake().webhook(content)
    assert "\n" not in str(caught.value)


async def test_too_much_is_refused() -> None:
    """Body size and number of notifications are bounded."""
    with pytest.raises(TooLargeError, match="bytes"):
        await intake().webhook(b" " * (LONGEST_BODY + 1))
    with pytest.raises(TooLargeError, match="notifications"):
        await intake().webhook(body(*range(MOST_NOTIFICATIONS + 1)))


async def test_secret_alone_decides_while_graph_creates_the_subscription() -> None:
    """A notification may arrive before Graph's answer to the creation: its secret lets it in for a while."""
    until = (NOON + timedelta(minutes=10)).isoformat()
    clock = FakeClock()
    pending = ChangeSubscription((Secret(SECRET, valid_until=until),))
    reader = intake(FakeState(pending), clock)
    assert users(await reader.webhook(body(notification(1)))) == [guid(1)]
    clock.passed += 600
    assert users(await reader.webhook(body(notification(1)))) == []


async def test_secrets_of_refused_creations_open_nothing() -> None:
    """Finding 9: what an older version left of 300 refused creations opens no subscription at all."""
    refused = tuple(Secret(f"secret-{number}") for number in range(300))
    reader = intake(FakeState(ChangeSubscription((*refused, Secret(SECRET, "subscription-1")))))
    forged = [
        notification(1, clientState=f"secret-{number}", subscriptionId=subscription)
        for number in range(300)
        for subscription in ("subscription-1", "subscription-7")
    ]
    accepted = await reader.webhook(body(*forged))
    assert users(accepted) == []
    assert accepted.dropped == {"wrong_client_state": 300, "unknown_subscription": 300}


async def test_forged_notifications_are_logged_once_a_minute_with_a_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Attack 18: 500 forged requests in five minutes leave six lines, which count all of them."""
    clock = FakeClock()
    reader = intake(clock=clock)
    lines = Lines(caplog)
    for _ in range(500):
        await reader.webhook(body(notification(1, clientState="forged")))
        clock.passed += 0.6
    clock.passed += 60
    await reader.webhook(body(notification(1)))
    counts = [int(line["wrong_client_state"]) for line in lines.of("notifications_dropped")]
    assert (len(counts), sum(counts)) == (6, 500)


async def test_new_subscription_is_found_at_once() -> None:
    """A subscription renewed by another instance is looked up as soon as it is met."""
    state, clock = FakeState(OURS), FakeClock()
    reader = intake(state, clock)
    await reader.webhook(body(notification(1)))
    state.known = ChangeSubscription((Secret(SECRET, "subscription-2"),), "subscription-2")
    clock.passed += 0.1
    accepted = await reader.webhook(body(notification(2, subscriptionId="subscription-2")))
    assert users(accepted) == [guid(2)]


async def test_old_secret_is_valid_until_its_end() -> None:
    """While the secret rotates, notifications of the old subscription are still taken, then no more."""
    clock = FakeClock()
    old = Secret("old", "subscription-0", valid_until=(NOON + timedelta(hours=1)).isoformat())
    state = FakeState(ChangeSubscription((Secret(SECRET, "subscription-1"), old), "subscription-1"))
    reader = intake(state, clock)
    late = notification(1, subscriptionId="subscription-0", clientState="old")
    mixed = notification(2, subscriptionId="subscription-0", clientState=SECRET)
    assert users(await reader.webhook(body(late, mixed))) == [guid(1)]
    clock.passed += 3600
    assert users(await reader.webhook(body(late))) == []


@pytest.mark.parametrize(("secret", "renew"), [(SECRET, True), ("wrong", False)])
async def test_reauthorization_notice(secret: str, renew: bool) -> None:
    """A lifecycle notice of ours asks for renewal; a forged one is dropped and counted."""
    notice = {
        "subscriptionId": "subscription-1",
        "subscriptionExpirationDateTime": "2026-12-20T00:00:00Z",
        "tenantId": TENANT,
        "clientState": secret,
        "lifecycleEvent": "reauthorizationRequired",
    }
    accepted = await intake().webhook(body(notice))
    assert accepted.renew is renew
    assert accepted.messages == []
    assert sum(accepted.dropped.values()) == (0 if renew else 1)


async def test_flood_of_forged_notifications_reads_the_table_once() -> None:
    """Forged subscription ids do not turn into storage calls."""
    state = FakeState(OURS)
    forged = [notification(n, subscriptionId=f"forged-{n}") for n in range(100)]
    reader = intake(state)
    for _ in range(10):
        await reader.webhook(body(*forged))
    assert state.reads == 1


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["value", "subscriptionId", "clientState", "tenantId", "resourceData", "id"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps({"value": [value]}).encode())
)
def test_no_body_breaks_the_intake(content: bytes) -> None:
    """Whatever bytes come in: nothing is queued without the secret, and nothing but our errors is raised."""
    try:
        accepted = asyncio.run(intake().webhook(content))
    except AcpError:
        return
    assert accepted.messages == []
