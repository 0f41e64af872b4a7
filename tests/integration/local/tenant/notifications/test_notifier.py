"""Subscriptions and the delivery of notifications, with a real webhook."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue.aio import QueueClient

from local.azurite.sas import sas_address
from local.azurite.server import Azurite
from local.tenant.directory.catalog import AUDIO_CONFERENCING
from tests.integration.local.tenant.support import Receiver, World, eventually, open_world

EVENT_GRID = "EventGrid:?azuresubscriptionid=a&resourcegroup=b&partnertopic=c&location=d"


def subscription(url: str, **changes: Any) -> dict[str, Any]:
    """A subscription for an hour."""
    return {
        "changeType": "updated",
        "resource": "users",
        "notificationUrl": url,
        "expirationDateTime": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "clientState": "secret",
        **changes,
    }


async def subscribe(world: World, url: str, **changes: Any) -> dict[str, Any]:
    """Create it."""
    answer = await world.graph("POST", "/subscriptions", json=subscription(url, **changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_the_handshake_echoes_a_token(world: World, receiver: Receiver) -> None:
    """Each address is validated once; the answer is the subscription with its secret."""
    made = await subscribe(world, receiver.url, lifecycleNotificationUrl=receiver.url + "&life=1")
    assert len(receiver.validations) == 2
    assert made["clientState"] == "secret"
    shown = (await world.graph("GET", f"/subscriptions/{made['id']}")).json()
    assert (shown["id"], shown["clientState"]) == (made["id"], None)
    listed = (await world.graph("GET", "/subscriptions")).json()["value"]
    assert [s["id"] for s in listed] == [made["id"]]


@pytest.mark.parametrize(
    "echo",
    [
        lambda token: (token + "x", "text/plain"),
        lambda token: (token.replace(" ", "%20"), "text/plain"),
        lambda token: (token, "application/json"),
    ],
)
async def test_a_wrong_echo_is_refused(world: World, receiver: Receiver, echo: Any) -> None:
    """The token must come back decoded, unchanged, as text/plain."""
    receiver.echo = echo
    answer = await world.graph("POST", "/subscriptions", json=subscription(receiver.url))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ValidationError")
    assert (await world.graph("GET", "/subscriptions")).json()["value"] == []


async def test_a_slow_webhook_is_refused(receiver: Receiver) -> None:
    """The handshake has a limit; here 0.2 seconds stand for 10."""
    receiver.hold.clear()
    async with open_world(handshake_timeout_seconds=0.2) as world:
        answer = await world.graph("POST", "/subscriptions", json=subscription(receiver.url))
        assert "timed out" in answer.json()["error"]["message"]


async def test_a_webhook_that_is_not_there_is_refused(world: World) -> None:
    """400, with the reason."""
    answer = await world.graph(
        "POST", "/subscriptions", json=subscription("http://127.0.0.1:9/nothing")
    )
    assert answer.status_code == 400
    assert "could not be reached" in answer.json()["error"]["message"]


async def test_the_same_subscription_twice_is_a_conflict(world: World, receiver: Receiver) -> None:
    """409 names the one that exists."""
    made = await subscribe(world, receiver.url)
    answer = await world.graph("POST", "/subscriptions", json=subscription(receiver.url))
    assert answer.status_code == 409
    assert made["id"] in answer.json()["error"]["message"]


async def test_a_license_is_notified(world: World, receiver: Receiver) -> None:
    """With the subscription's id and secret, the tenant and the user."""
    made = await subscribe(world, receiver.url)
    user = await world.user("unlicensed")
    await world.assign(user["id"], AUDIO_CONFERENCING.id)
    await eventually(lambda: len(receiver.notifications) == 1)
    notification = receiver.notifications[0]
    state = await world.control("GET", "/state?summary=true")
    assert notification["subscriptionId"] == made["id"]
    assert notification["clientState"] == "secret"
    assert notification["tenantId"] == state["tenantId"]
    assert notification["resourceData"]["id"] == user["id"]
    assert notification["changeType"] == "updated"


async def test_many_changes_come_in_few_posts(world: World, receiver: Receiver) -> None:
    """Gathered, not in order, and all of them."""
    await subscribe(world, receiver.url)
    users = [u["id"] for u in await world.users() if not u["deleted"]]
    for user_id in users:
        await world.graph("PATCH", f"/users/{user_id}", json={"displayName": "X"})
    await eventually(lambda: len(receiver.notifications) >= len(users))
    seen = [n["resourceData"]["id"] for n in receiver.notifications]
    assert sorted(seen) == sorted(users)
    assert seen != users
    assert len(receiver.bodies) < len(users)


async def test_a_refused_notification_comes_again(world: World, receiver: Receiver) -> None:
    """A 503 is retried; the counters show both attempts."""
    receiver.statuses = [503]
    await subscribe(world, receiver.url)
    user = await world.user("unlicensed")
    await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
    await eventually(lambda: len(receiver.notifications) == 2)
    first, second = receiver.notifications
    assert first == second
    counted = await world.notified("delivered")
    assert (counted["sent"], counted["retried"], counted["delivered"]) == (2, 1, 1)


async def test_a_notification_is_given_up_in_the_end(world: World, receiver: Receiver) -> None:
    """After the last try it is counted as failed: a loss is never reported."""
    receiver.statuses = [500, 500, 500]
    await subscribe(world, receiver.url)
    user = await world.user("unlicensed")
    await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
    await world.notified("failed")
    assert len(receiver.bodies) == 3


async def test_only_the_changes_asked_for_are_notified(world: World, receiver: Receiver) -> None:
    """A purge is `deleted`; a soft delete is `updated`."""
    await subscribe(world, receiver.url, changeType="deleted")
    user = await world.user("unlicensed")
    await world.graph("DELETE", f"/users/{user['id']}")
    await world.graph("DELETE", f"/directory/deletedItems/{user['id']}")
    await eventually(lambda: len(receiver.notifications) == 1)
    assert receiver.notifications[0]["changeType"] == "deleted"


async def test_a_deleted_subscription_is_quiet(world: World, receiver: Receiver) -> None:
    """204, then 404, and nothing is queued any more."""
    made = await subscribe(world, receiver.url)
    where = f"/subscriptions/{made['id']}"
    assert (await world.graph("DELETE", where)).status_code == 204
    assert (await world.graph("DELETE", where)).status_code == 404
    user = await world.user("unlicensed")
    await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
    assert (await world.control("GET", "/counters"))["notifications"]["queued"] == 0


async def test_a_subscription_expires_unless_renewed(world: World, receiver: Receiver) -> None:
    """An hour later it is gone; a renewed one is not."""
    made = await subscribe(world, receiver.url)
    where = f"/subscriptions/{made['id']}"
    later = (datetime.now(UTC) + timedelta(days=20)).isoformat()
    renewed = await world.graph("PATCH", where, json={"expirationDateTime": later})
    assert renewed.status_code == 200
    await world.advance(19 * 86_400)
    assert (await world.graph("GET", where)).status_code == 200
    await world.advance(2 * 86_400)
    assert (await world.graph("GET", where)).status_code == 404
    refused = await world.graph("PATCH", where, json={"expirationDateTime": later})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    "body", [{"clientState": "x"}, {"expirationDateTime": "2090-01-01T00:00:00Z"}]
)
async def test_a_wrong_renewal_is_refused(world: World, body: dict[str, str]) -> None:
    """Too long, or a property that cannot change."""
    made = await subscribe(world, EVENT_GRID)
    answer = await world.graph("PATCH", f"/subscriptions/{made['id']}", json=body)
    assert answer.status_code == 400


async def test_a_lifecycle_notification_asks_for_a_renewal(
    world: World, receiver: Receiver
) -> None:
    """Sent to the lifecycle address on request of the control API."""
    made = await subscribe(world, receiver.url, lifecycleNotificationUrl=receiver.url)
    await world.control("POST", f"/subscriptions/{made['id']}/reauthorize")
    await eventually(lambda: len(receiver.notifications) == 1)
    assert receiver.notifications[0]["lifecycleEvent"] == "reauthorizationRequired"


async def test_event_grid_needs_no_handshake(receiver: Receiver) -> None:
    """Events go as CloudEvents to the address the tenant was given."""
    async with open_world() as world:
        await subscribe(world, EVENT_GRID, lifecycleNotificationUrl=EVENT_GRID)
        assert receiver.validations == []
        await world.control("PUT", "/eventgrid", {"url": receiver.url})
        user = await world.user("unlicensed")
        await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
        await eventually(lambda: len(receiver.bodies) == 1)
        event = receiver.bodies[0][0]
        assert event["type"] == "Microsoft.Graph.UserUpdated"
        assert event["data"]["resourceData"]["id"] == user["id"]
        assert receiver.headers[0]["aeg-event-type"] == "Notification"
        assert receiver.headers[0]["content-type"].startswith("application/cloudevents-batch+json")


async def test_events_without_an_address_are_dropped(world: World) -> None:
    """A partner topic that nobody listens to."""
    await subscribe(world, EVENT_GRID)
    user = await world.user("unlicensed")
    await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
    assert (await world.notified("dropped"))["sent"] == 0


async def test_events_may_go_into_a_storage_queue(azurite_server: Azurite) -> None:
    """As Event Grid puts them there: one CloudEvent per message, JSON, base64, without an end."""
    connection = azurite_server.connection_string
    async with (
        QueueClient.from_connection_string(connection, "events-of-the-tenant") as queue,
        open_world() as world,
    ):
        await queue.create_queue()
        await subscribe(world, EVENT_GRID)
        answer = await world.raw(
            "PUT", "/_tenant/eventgrid/queue", json={"url": sas_address(queue)}
        )
        assert answer.status_code == 204
        users = [user["id"] for user in await world.users() if not user["deleted"]][:3]
        for user in users:
            await world.graph("PATCH", f"/users/{user}", json={"displayName": "X"})
        await world.notified("delivered", 3)
        messages = [message async for message in queue.receive_messages()]
    events = [json.loads(base64.b64decode(message.content)) for message in messages]
    assert sorted(event["data"]["resourceData"]["id"] for event in events) == sorted(users)
    assert {(event["specversion"], event["type"]) for event in events} == {
        ("1.0", "Microsoft.Graph.UserUpdated")
    }
    ends = [message.expires_on for message in messages]
    assert [end.year for end in ends if end] == [9999] * 3


async def test_a_queue_that_does_not_take_events_is_tried_again() -> None:
    """A queue that is not there loses an event only after the last attempt, which is counted."""
    async with open_world() as world:
        await subscribe(world, EVENT_GRID)
        gone = "http://127.0.0.1:9/account/queue?sig=x"
        await world.raw("PUT", "/_tenant/eventgrid/queue", json={"url": gone})
        user = await world.user("unlicensed")
        await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
        await world.notified("failed")
