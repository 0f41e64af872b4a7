"""What the settings for Event Grid and for default numbers do, in an app that has both.

CloudEvents in, moved and numbered users out.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, Tenant

pytestmark = pytest.mark.third_parties


@pytest.fixture(scope="module")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant of 80 users."""
    with Tenant(folder, users=80, seed=4) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def number(tenant: Tenant) -> str:
    """A toll number for the United States that is not the one the service chooses there."""
    american = [n for n in tenant.toll_numbers() if n.startswith("1312")]
    assert american, "the bridge has a number in Chicago besides the default one in Seattle"
    return american[0]


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tenant: Tenant, number: str, folder: Path) -> Iterator[System]:
    """An app that Event Grid delivers to, with a number rule for the United States."""
    settings = {
        "ACP_NUMBER_RULES": json.dumps({"US": f"+{number}"}),
        "ACP_DELIVERY": "eventgrid",
        "ACP_EVENT_GRID_SUBSCRIPTION": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
        "ACP_EVENT_GRID_RESOURCE_GROUP": "acp",
        "ACP_EVENT_GRID_TOPIC": "users",
        "ACP_EVENT_GRID_LOCATION": "westeurope",
    }
    with System(azurite_server, tenant, folder, settings) as system:
        tenant.deliver_events_to(system.host.event_grid_url)
        system.wait_until_subscribed()
        yield system


def test_a_license_event_moves_its_user(system: System, tenant: Tenant) -> None:
    """Graph notifies Event Grid, Event Grid notifies the app: saved and replaced."""
    user = tenant.take("third_party")
    with system.changing(user):
        tenant.nudge(user)
        assert system.wait_for(user, "moved")["provider"] == MICROSOFT
    assert system.storage.saved(user["id"]) == [user["original_entries"]]


def test_events_move_their_users(system: System, tenant: Tenant) -> None:
    """Two CloudEvents in one delivery with the right clientState: both users are moved."""
    users = [tenant.take("third_party") for _ in range(2)]
    with system.changing(*users):
        answer = system.host.event_grid(*(system.event(user) for user in users))
        assert answer.status_code == 202
        moved = [system.wait_for(user, "moved") for user in users]
    assert {user["provider"] for user in moved} == {MICROSOFT}
    assert [system.storage.saved(u["id"]) for u in users] == [[u["entries"]] for u in users]


@pytest.mark.parametrize(
    "spoiled",
    [
        {"clientState": "guessed-client-state"},
        {"tenantId": "00000000-0000-4000-8000-000000000001"},
        {"subscriptionId": "00000000-0000-4000-8000-000000000002"},
    ],
    ids=lambda spoiled: next(iter(spoiled)),
)
def test_an_event_that_is_not_ours_is_dropped(
    system: System, tenant: Tenant, spoiled: dict[str, str]
) -> None:
    """A wrong secret, tenant or subscription: accepted, so that it does not come again; no move."""
    user, before = tenant.any_user("third_party"), len(system.host.output)
    with system.changing(), system.queueing_nothing():
        assert system.host.event_grid(system.event(user, **spoiled)).status_code == 202
    log = system.host.output[before:]
    assert "notifications_dropped" in system.host.output, "logged once a minute, with a count"
    assert not [text for text in (*spoiled.values(), user["id"]) if text in log]


def test_events_that_are_no_cloud_events_are_dropped(system: System, tenant: Tenant) -> None:
    """Attack 11: another schema, an odd time, odd names of extensions: accepted, not sent again."""
    user = tenant.any_user("third_party")
    spoiled = system.event(user, clientState="guessed-client-state")
    odd = [
        {"id": "1", "eventType": "x", "data": system.event(user)["data"]},
        {},
        {"data": [None]},
        {**spoiled, "time": "yesterday"},
        {**spoiled, "time": 7},
        {**spoiled, "self": "x", "id": None, "type": 7},
        {"specversion": "1.0", "data": "x"},
    ]
    with system.changing(), system.queueing_nothing():
        assert system.host.event_grid(*odd).status_code == 202


def test_a_user_on_microsoft_gets_the_number_of_the_rule(
    system: System, tenant: Tenant, number: str
) -> None:
    """Microsoft already, but with another default number: only the number is set."""
    user = tenant.take("microsoft", at="US", entries=1)
    assert user["number"] != number
    with system.changing(user):
        tenant.nudge(user)
        after = system.wait_for(user, "already_microsoft")
    assert (after["number"], after["conference_id"]) == (number, user["conference_id"])


def test_a_moved_user_gets_the_number_of_the_rule(
    system: System, tenant: Tenant, number: str
) -> None:
    """Replaced and numbered in one write."""
    user = tenant.take("third_party", at="US")
    with system.changing(user):
        tenant.nudge(user)
        after = system.wait_for(user, "moved")
    assert (after["provider"], after["number"], after["sets"]) == (MICROSOFT, number, 1)


def test_a_user_elsewhere_keeps_the_number(system: System, tenant: Tenant) -> None:
    """No rule for the user's usage location: the service's own choice stays."""
    user = tenant.take("microsoft", at="GB")
    with system.changing():
        tenant.nudge(user)
        assert system.wait_for(user, "already_microsoft") == user


def test_a_user_who_has_the_number_is_not_set_again(
    system: System, tenant: Tenant, number: str
) -> None:
    """A second notification finds the number as it should be: no write."""
    user = tenant.take("third_party", at="US")
    tenant.nudge(user)
    assert system.wait_for(user, "moved")["number"] == number
    writes = tenant.writes()
    with system.changing():
        tenant.nudge(user)
        system.wait_for(user, "already_microsoft")
    assert tenant.writes() == writes
