"""Injected faults, as a client suffers them."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from local.tenant.app import create_app
from local.tenant.identity.tokens import TEAMS
from local.tenant.options import TenantOptions
from tests.integration.local.tenant.support import (
    TEAMS_HEADERS,
    Receiver,
    World,
    eventually,
    open_world,
)

MOVE = {"replaceProvider": True}


async def move(world: World, user: dict[str, Any]) -> httpx.Response:
    """Set Microsoft as provider."""
    return await world.teams("PUT", f"/Teams.Cpc/users/{user['id']}", json=MOVE)


async def suffer(world: World, **faults: Any) -> None:
    """Put faults in force."""
    await world.control("PUT", "/faults", faults)


async def test_faults_are_shown_changed_and_cleared(world: World) -> None:
    """PUT replaces all of them, DELETE clears them, GET shows what is in force."""
    await suffer(world, errors_503=1.0)
    assert (await world.control("GET", "/faults"))["errors_503"] == 1.0
    assert (await world.graph("GET", "/users")).status_code == 503
    await suffer(world, throttled=1.0, retry_after_seconds=3)
    refused = await world.graph("GET", "/users")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    await world.control("DELETE", "/faults")
    assert (await world.graph("GET", "/users")).status_code == 200
    counted = (await world.control("GET", "/counters"))["faults"]
    assert counted == {"errors_503": 1, "throttled": 1}


@pytest.mark.parametrize(
    ("body", "field"), [({"nonsense": 1}, "nonsense"), ({"timeouts": 2}, "timeouts")]
)
async def test_wrong_faults_are_refused(world: World, body: dict[str, int], field: str) -> None:
    """400 that names the fault; the ones in force stay."""
    answer = await world.raw("PUT", "/_tenant/faults", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert (await world.control("GET", "/faults"))["timeouts"] == 0.0


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("throttled", 429),
        ("throttled_without_retry_after", 429),
        ("errors_500", 500),
        ("errors_503", 503),
    ],
)
async def test_a_refused_call_does_nothing(world: World, fault: str, status: int) -> None:
    """In each service's own shape; only one kind of 429 says how long to wait."""
    user = await world.user("third_party")
    await suffer(world, **{fault: 1.0})
    refused = await move(world, user)
    assert refused.status_code == status
    assert set(refused.json()) == {"code", "message"}
    assert ("retry-after" in refused.headers) == (fault == "throttled")
    graph = await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "X"})
    assert (graph.status_code, set(graph.json())) == (status, {"error"})
    assert await world.user("third_party") == user


async def test_calls_inside_a_batch_suffer_one_by_one(world: World) -> None:
    """The batch itself is 200."""
    await suffer(world, errors_503=0.5)
    body = {"requests": [{"id": str(n), "method": "GET", "url": "/users"} for n in range(20)]}
    answer = await world.graph("POST", "/$batch", json=body)
    statuses = {response["status"] for response in answer.json()["responses"]}
    assert (answer.status_code, statuses) == (200, {200, 503})


async def test_a_set_may_fail_and_have_worked(world: World) -> None:
    """500, and Microsoft is the provider all the same."""
    user = await world.user("third_party")
    await suffer(world, set_fails_but_took_effect=1.0)
    assert (await move(world, user)).status_code == 500
    after = await world.control("GET", f"/users/{user['id']}")
    assert (after["provider"], after["sets"]) == ("Microsoft", 1)


async def test_a_set_may_be_refused(world: World) -> None:
    """400, and nothing has changed."""
    user = await world.user("third_party")
    await suffer(world, set_refused=1.0)
    assert (await move(world, user)).status_code == 400
    assert await world.control("GET", f"/users/{user['id']}") == user


async def test_a_set_may_work_and_have_failed(world: World) -> None:
    """200 with a conference, and nothing has changed."""
    user = await world.user("third_party")
    await suffer(world, set_succeeds_but_did_not=1.0)
    answer = await move(world, user)
    assert (answer.status_code, answer.json()["identity"]) == (200, user["id"])
    assert await world.control("GET", f"/users/{user['id']}") == user
    assert (await world.control("GET", "/changes"))["changes"] == []
    assert (await world.control("GET", "/counters"))["mails"] == 0


async def test_a_pretended_set_still_checks(world: World) -> None:
    """What is refused in earnest is refused in pretense."""
    await suffer(world, set_succeeds_but_did_not=1.0)
    user = await world.user("unlicensed_third_party")
    assert (await move(world, user)).json()["code"] == "UserNotLicensed"


async def test_reads_may_lag_behind_writes(world: World) -> None:
    """Both services show the user as before, for as long as the fault says."""
    user = await world.user("third_party")
    await suffer(world, stale_reads=1.0, stale_seconds=600)
    await move(world, user)
    await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": "New"})
    teams, graph = f"/Teams.User/users/{user['id']}", f"/users/{user['id']}"
    assert (await world.graph("GET", graph)).json()["displayName"] == user["displayName"]
    await world.advance(601)
    assert (await world.teams("GET", teams)).json()["acpInfo"][0]["name"] == "Microsoft"
    assert (await world.graph("GET", graph)).json()["displayName"] == "New"


async def test_a_stale_read_shows_the_old_provider(world: World) -> None:
    """So a client that verifies right after a set has to look again."""
    user = await world.user("third_party")
    await suffer(world, stale_reads=1.0, stale_seconds=600)
    await move(world, user)
    early = await world.teams("GET", f"/Teams.User/users/{user['id']}")
    assert early.json()["acpInfo"] == user["entries"]


@pytest.mark.parametrize(
    ("fault", "status"), [("delta_tokens_expire", 400), ("delta_resyncs", 410)]
)
async def test_delta_tokens_may_end(world: World, fault: str, status: int) -> None:
    """Either way the client has to read everything again."""
    link = (await world.graph("GET", "/users/delta?$deltatoken=latest")).json()["@odata.deltaLink"]
    await suffer(world, **{fault: 1.0})
    assert (await world.graph("GET", link)).status_code == status


async def subscribed(world: World, receiver: Receiver) -> None:
    """Subscribe to changes of users."""
    body = {
        "changeType": "updated",
        "resource": "users",
        "notificationUrl": receiver.url,
        "expirationDateTime": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    assert (await world.graph("POST", "/subscriptions", json=body)).status_code == 201


async def rename(world: World, number: int) -> list[str]:
    """Change so many users; their ids."""
    users = [u["id"] for u in await world.users() if not u["deleted"]][:number]
    for user_id in users:
        await world.graph("PATCH", f"/users/{user_id}", json={"displayName": "X"})
    return users


async def test_notifications_may_get_lost(world: World, receiver: Receiver) -> None:
    """No notification; delta still knows."""
    await subscribed(world, receiver)
    await suffer(world, notifications_lost=1.0)
    await rename(world, 3)
    assert (await world.control("GET", "/counters"))["notifications"]["queued"] == 0


async def test_notifications_may_come_twice(world: World, receiver: Receiver) -> None:
    """With the same id."""
    await subscribed(world, receiver)
    await suffer(world, notifications_doubled=1.0)
    await rename(world, 1)
    await eventually(lambda: len(receiver.notifications) == 2)
    assert receiver.notifications[0] == receiver.notifications[1]


@pytest.mark.parametrize("fault", ["notifications_late", "notifications_reordered"])
async def test_late_notifications_come_in_the_end(
    world: World, receiver: Receiver, fault: str
) -> None:
    """All of them, after others that came later."""
    await subscribed(world, receiver)
    await suffer(world, **{fault: 0.5}, late_seconds=0.1)
    users = await rename(world, 12)
    await eventually(lambda: len(receiver.notifications) == 12)
    assert sorted(n["resourceData"]["id"] for n in receiver.notifications) == sorted(users)
    assert len(receiver.bodies) > 1


async def test_subscriptions_may_vanish(world: World, receiver: Receiver) -> None:
    """Without a word: the client finds out at its next read."""
    await subscribed(world, receiver)
    await suffer(world, subscriptions_vanish=1.0)
    await rename(world, 1)
    assert (await world.graph("GET", "/subscriptions")).json()["value"] == []


async def test_the_identity_endpoint_can_suffer_too() -> None:
    """When it is named among the services, in the shape msal reads."""
    faults = {"errors_500": 1.0, "services": ["identity"]}
    async with open_world(faults=faults) as world:
        query = {"api-version": "2019-08-01", "resource": TEAMS}
        headers = {"X-IDENTITY-HEADER": "x"}
        answer = await world.raw("GET", "/msi/token", params=query, headers=headers)
        assert (answer.status_code, answer.json()["statusCode"]) == (500, 500)


# -- faults of the connection need a real one


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of a tenant run by uvicorn."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    app = create_app(TenantOptions(users=60))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    """A client with a Teams token; faults are cleared afterwards."""
    # Plain HTTP, and no wait for certificates.
    with httpx.Client(
        base_url=served,
        headers=TEAMS_HEADERS,
        timeout=20,
        verify=False,  # noqa: S501
    ) as opened:
        query = {"api-version": "2019-08-01", "resource": TEAMS}
        answer = opened.get("/msi/token", params=query, headers={"X-IDENTITY-HEADER": "x"})
        opened.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield opened
        opened.delete("/_tenant/faults")


def provoke(client: httpx.Client, **faults: Any) -> Callable[[], httpx.Response]:
    """A call that suffers the faults."""
    assert client.put("/_tenant/faults", json=faults).status_code == 200
    return lambda: client.get("/Teams.Cpc/bridges/", timeout=0.3 if "timeouts" in faults else 20)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_connection_is_reset(client: httpx.Client, seed: int) -> None:
    """The client sees a broken connection, whether the call took effect or not."""
    call = provoke(client, connection_resets=1.0, seed=seed)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        call()


def test_half_of_the_lost_calls_took_effect(client: httpx.Client) -> None:
    """A client cannot tell which: only a look at the state does."""
    client.put("/_tenant/faults", json={"connection_resets": 1.0})
    users = [u for u in client.get("/_tenant/state").json()["users"] if u["kind"] == "third_party"]
    for user in users:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            client.put(f"/Teams.Cpc/users/{user['id']}", json=MOVE)
    after = client.get("/_tenant/state").json()["users"]
    moved = [u["id"] for u in after if u["kind"] == "third_party" and u["sets"]]
    assert 0 < len(moved) < len(users)


def test_no_answer_comes(client: httpx.Client) -> None:
    """Until the client gives up."""
    call = provoke(client, timeouts=1.0)
    with pytest.raises(httpx.ReadTimeout):
        call()


def test_a_call_without_answer_is_not_held_for_ever(client: httpx.Client) -> None:
    """After `timeout_seconds` the connection breaks."""
    provoke(client, timeouts=1.0, timeout_seconds=0.05)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.get("/Teams.Cpc/bridges/")


def test_a_body_is_truncated(client: httpx.Client) -> None:
    """Half of what Content-Length promised."""
    call = provoke(client, truncated_bodies=1.0)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        call()


def test_a_body_is_not_json(client: httpx.Client) -> None:
    """A complete answer with status 200 and a page of HTML in it."""
    answer = provoke(client, wrong_json=1.0)()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_an_answer_is_slow(client: httpx.Client) -> None:
    """The right answer, later than usual."""
    answer = provoke(client, slow_answers=1.0, slow_seconds=0.1)()
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.1
    assert len(answer.json()) == 2


def test_the_tenant_goes_on_afterwards(client: httpx.Client) -> None:
    """Broken connections leave nothing behind; every kind is counted."""
    before = client.get("/_tenant/counters").json()["faults"]
    for kind in ("connection_resets", "truncated_bodies"):
        with pytest.raises(httpx.TransportError):
            provoke(client, **{kind: 1.0})()
    assert provoke(client)().status_code == 200
    after = client.get("/_tenant/counters").json()["faults"]
    for kind in ("connection_resets", "truncated_bodies"):
        assert after[kind] == before.get(kind, 0) + 1
