"""Event Grid into a Storage queue: what comes while the app is stopped is handled after its start."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant

pytestmark = pytest.mark.third_parties

EVENTS = 300

SETTINGS = {
    "ACP_DELIVERY": "eventgrid-queue",
    "ACP_EVENT_GRID_SUBSCRIPTION": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
    "ACP_EVENT_GRID_RESOURCE_GROUP": "acp",
    "ACP_EVENT_GRID_TOPIC": "users",
    "ACP_EVENT_GRID_LOCATION": "westeurope",
}


@pytest.fixture(scope="module")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant with more users than events are to come."""
    with Tenant(folder, users=EVENTS + 20, seed=7) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tenant: Tenant, folder: Path) -> Iterator[System]:
    """An app whose events the tenant's Event Grid puts into a queue."""
    with System(azurite_server, tenant, folder, SETTINGS) as system:
        system.wait_until_subscribed()
        tenant.deliver_events_into(system.storage.events_address())
        yield system


def test_an_event_moves_its_user(system: System, tenant: Tenant) -> None:
    """License, event, queue, app: saved and replaced."""
    user = tenant.take("third_party")
    with system.changing(user):
        tenant.nudge(user)
        assert system.wait_for(user, "moved")["provider"] == MICROSOFT
    assert system.storage.saved(user["id"]) == [user["original_entries"]]


def test_what_is_not_ours_moves_nobody_and_what_is_no_event_is_poison(
    system: System, tenant: Tenant
) -> None:
    """Forged events are dropped; a text that is no event is kept with its reason; the others go on."""
    good, forged = tenant.take("third_party"), tenant.any_user("third_party")
    before = len(system.host.output)
    with system.changing(good):
        for spoiled in (
            {"clientState": "guessed-client-state"},
            {"tenantId": "00000000-0000-4000-8000-000000000001"},
            {"subscriptionId": "00000000-0000-4000-8000-000000000002"},
        ):
            system.storage.send_event(system.event(forged, **spoiled))
        system.storage.send_event({"id": "1", "eventType": "x", "data": {}})
        system.storage.send_event(system.event(good))
        system.wait_for(good, "moved")
        wait_until(system.storage.poison_events, "the poison event", TIME_LIMIT)
        wait_until(lambda: not system.storage.queued_events(), "the queue is empty", TIME_LIMIT)
    (kept,) = system.storage.poison_events()
    assert json.loads(base64.b64decode(kept)) == {"id": "1", "eventType": "x", "data": {}}
    log = system.host.output[before:]
    assert "event: specversion: 1.0 is expected" in log
    assert "guessed-client-state" not in log


def test_a_lifecycle_event_renews_the_subscription(system: System, tenant: Tenant) -> None:
    """Graph asks for it in the same queue."""
    (before,) = tenant.subscriptions()
    assert before["id"] == system.storage.subscription_id()
    tenant.advance(3 * 86_400)
    tenant.control("POST", f"subscriptions/{before['id']}/reauthorize")
    wait_until(
        lambda: tenant.subscriptions()[0]["expirationDateTime"] > before["expirationDateTime"],
        "the subscription is renewed",
        TIME_LIMIT,
    )


@pytest.mark.large
def test_no_event_is_lost_while_the_app_is_stopped(system: System, tenant: Tenant) -> None:
    """300 events wait in the queue; after the start each has its outcome, and the queue is empty."""
    users = [user for user in tenant.users() if not user["deleted"]][:EVENTS]
    ready = {user["id"] for user in users if user["kind"] == "third_party"}
    known = set(system.storage.outcomes())
    system.host.stop()
    for user in users:
        tenant.nudge(user)
    wait_until(
        lambda: system.storage.queued_events() == EVENTS, "all events are in the queue", TIME_LIMIT
    )
    assert set(system.storage.outcomes()) == known
    system.host.start()
    wait_until(lambda: not system.storage.queued_events(), "the queue is empty", TIME_LIMIT)
    outcomes = system.storage.outcomes()
    assert {user["id"] for user in users} - outcomes.keys() == set()
    after = {user["id"]: user for user in tenant.users()}
    assert {after[user]["provider"] for user in ready} == {MICROSOFT}
    assert len(system.storage.poison_events()) == 1, "only that of the test above"
