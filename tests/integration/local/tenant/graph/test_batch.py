"""Batches over HTTP."""

from typing import Any

import pytest

from tests.integration.local.tenant.support import BASE, LICENSED, World


def get(step: str, url: str, **more: Any) -> dict[str, Any]:
    """One GET of a batch."""
    return {"id": step, "method": "GET", "url": url, **more}


async def run(world: World, requests: list[Any]) -> dict[str, dict[str, Any]]:
    """The responses by id."""
    answer = await world.graph("POST", "/$batch", json={"requests": requests})
    assert answer.status_code == 200, answer.text
    return {response["id"]: response for response in answer.json()["responses"]}


async def test_twenty_users_in_one_call(world: World) -> None:
    """Each is answered on its own; unknown ones are 404 inside a 200."""
    users = (await world.users("third_party"))[:12]
    requests = [get(u["id"], f"/users/{u['id']}?$select=id,assignedPlans") for u in users]
    requests.append(get("missing", "/users/nobody"))
    responses = await run(world, requests)
    assert len(responses) == 13
    for user in users:
        response = responses[user["id"]]
        assert (response["status"], response["body"]["id"]) == (200, user["id"])
    assert responses["missing"]["status"] == 404
    assert responses["missing"]["body"]["error"]["code"] == "Request_ResourceNotFound"


async def test_answers_come_in_any_order(world: World) -> None:
    """A client that pairs answers by position fails here."""
    requests = [get(str(n), "/subscriptions") for n in range(20)]
    answer = await world.graph("POST", "/$batch", json={"requests": requests})
    order = [response["id"] for response in answer.json()["responses"]]
    assert order != sorted(order, key=int)
    assert sorted(order, key=int) == [str(n) for n in range(20)]


async def test_headers_are_per_request(world: World) -> None:
    """ConsistencyLevel on one request does not count for its neighbor."""
    url = f"/users?$count=true&$filter={LICENSED}&$top=1"
    responses = await run(
        world, [get("with", url, headers={"ConsistencyLevel": "eventual"}), get("without", url)]
    )
    assert (responses["with"]["status"], responses["without"]["status"]) == (200, 400)


async def test_a_failed_dependency_is_424(world: World) -> None:
    """What depends on a failure is not tried; what depends on a success is."""
    responses = await run(
        world,
        [
            get("c", "/subscriptions", dependsOn=["b"]),
            get("a", "/users/nobody"),
            get("b", "/subscriptions"),
            get("d", "/subscriptions", dependsOn=["a"]),
            get("e", "/subscriptions", dependsOn=["d"]),
        ],
    )
    statuses = {step: response["status"] for step, response in responses.items()}
    assert statuses == {"a": 404, "b": 200, "c": 200, "d": 424, "e": 424}


async def test_a_batch_can_write(world: World) -> None:
    """A body is JSON and needs its Content-Type."""
    user = await world.user("unlicensed")
    request = {
        "id": "1",
        "method": "PATCH",
        "url": f"/users/{user['id']}",
        "headers": {"Content-Type": "application/json"},
        "body": {"displayName": "Changed"},
    }
    assert (await run(world, [request]))["1"]["status"] == 204
    assert (await world.user("unlicensed"))["displayName"] == "Changed"


async def test_a_batch_in_a_batch_is_refused(world: World) -> None:
    """Inside, as a 400 of its own."""
    assert (await run(world, [get("1", "/$batch")]))["1"]["status"] == 400


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        ([], "at least one"),
        ([get(str(n), "/subscriptions") for n in range(21)], "maximum value of 20"),
        ([get("1", "/subscriptions"), get("1", "/subscriptions")], "not unique"),
        ([{"method": "GET", "url": "/subscriptions"}], "id"),
        ([get("", "/subscriptions")], "id"),
        ([get("1", "https://graph.microsoft.com/v1.0/subscriptions")], "relative"),
        ([get("1", f"{BASE}/v1.0/subscriptions")], "relative"),
        ([get("a", "/subscriptions"), get("A", "/subscriptions")], "not unique"),
        ([{"id": "1", "method": "GET"}], "relative"),
        ([{"id": "1", "method": "BREW", "url": "/users"}], "BREW"),
        ([get("1", "/users", dependsOn=["2"])], "not in the batch"),
        ([get("1", "/users", dependsOn=["2"]), get("2", "/users", dependsOn=["1"])], "circle"),
        ([{"id": "1", "method": "PATCH", "url": "/users/x", "body": {}}], "Content-Type"),
        (["nonsense"], "id"),
    ],
)
async def test_a_malformed_batch_is_refused_as_a_whole(
    world: World, requests: list[Any], text: str
) -> None:
    """400 BadRequest, and nothing is carried out."""
    answer = await world.graph("POST", "/$batch", json={"requests": requests})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert text in answer.json()["error"]["message"]
    assert "batch" in (await world.control("GET", "/counters"))["calls"]["graph"]
