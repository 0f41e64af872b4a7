"""The control API and the identity endpoint over HTTP."""

from typing import Any

import pytest

from local.tenant.identity.tokens import GRAPH
from tests.integration.local.tenant.support import World, open_world


async def test_the_state_tells_what_the_population_is(world: World) -> None:
    """Streamed users add up to the totals of the summary."""
    state = await world.control("GET", "/state")
    summary = await world.control("GET", "/state?summary=true")
    assert set(summary) == {"tenantId", "seed", "now", "totals"}
    totals = summary["totals"]
    users = state["users"]
    assert totals == state["totals"]
    assert totals["users"] == len(users) == 60
    assert totals["licensed"] == sum(u["licensed"] for u in users)
    assert totals["included"] == sum(u["included"] for u in users)
    assert totals["readyToMove"] == sum(
        u["licensed"] and u["included"] and u["provisioned"] and u["provider"] != "Microsoft"
        for u in users
    )
    assert sum(totals["kinds"].values()) == sum(totals["providers"].values()) == 60


async def test_a_large_state_is_streamed_whole() -> None:
    """More users than one piece holds still make one JSON text."""
    async with open_world(users=1201) as world:
        assert len(await world.users()) == 1201


async def test_somebody_sets_a_user_back_by_hand(world: World) -> None:
    """The user is with the third party again; what the nightly sweep has to find."""
    user = await world.user("microsoft")
    entries = [
        {"name": "PGi"},
        {"name": "BT", "default": True, "tollNumber": "441632960001", "participantPassCode": "77"},
    ]
    shown = await world.control("POST", f"/users/{user['id']}/provider", {"entries": entries})
    assert shown["provider"] == "BT"
    assert [(e["name"], e["default"]) for e in shown["entries"]] == [("PGi", False), ("BT", True)]
    assert shown["entries"][1]["participantPassCode"] == "77"
    assert shown["original_entries"] == user["original_entries"]
    assert shown["conference_id"] is None
    seen = (await world.teams("GET", f"/Teams.User/users/{user['id']}")).json()
    assert seen["acpInfo"] == shown["entries"]
    none = await world.control("POST", f"/users/{user['id']}/provider", {"entries": []})
    assert none["provider"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/clock", {"advance_seconds": -1}, "advance_seconds"),
        ("POST", "/clock", {"advance_seconds": "1"}, "advance_seconds"),
        ("POST", "/clock", {}, "advance_seconds"),
        ("POST", "/clock", {"advance_seconds": 1, "x": 1}, "x"),
        ("POST", "/clock", None, "body"),
        ("PUT", "/eventgrid", {"url": "nowhere"}, "url"),
        ("PUT", "/eventgrid/queue", {"url": "http://127.0.0.1/account/queue"}, "url"),
        ("POST", "/delta", {"tokens": "keep"}, "tokens"),
        ("POST", "/users/{id}/provider", {"entries": [{"name": "Nobody"}]}, "entries.0.name"),
        ("POST", "/users/{id}/provider", {"entries": 5}, "entries"),
        (
            "POST",
            "/users/{id}/provider",
            {"entries": [{"name": "BT", "default": True}, {"name": "PGi", "default": True}]},
            "entries",
        ),
    ],
)
async def test_wrong_control_input_is_refused_by_field(
    world: World, method: str, path: str, body: Any, field: str
) -> None:
    """400 with the field and a message."""
    user = await world.user("microsoft")
    answer = await world.raw(method, "/_tenant" + path.replace("{id}", user["id"]), json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


async def test_unknown_control_addresses(world: World) -> None:
    """404 for addresses, users and subscriptions that are not there; 405 for methods."""
    for method, path in (
        ("GET", "/nothing"),
        ("GET", "/users/nobody"),
        ("DELETE", "/subscriptions/none"),
        ("POST", "/subscriptions/none/reauthorize"),
    ):
        assert (await world.raw(method, f"/_tenant{path}")).status_code == 404
    assert (await world.raw("DELETE", "/_tenant/clock")).status_code == 405


async def test_calls_are_counted_by_service_operation_and_status(world: World) -> None:
    """Inner calls of a batch count as calls."""
    body = {"requests": [{"id": "1", "method": "GET", "url": "/users/nobody"}]}
    await world.graph("POST", "/$batch", json=body)
    await world.teams("GET", "/Teams.Cpc/providers")
    calls = (await world.control("GET", "/counters"))["calls"]
    assert calls == {
        "graph": {"batch": {"200": 1}, "get_user": {"404": 1}},
        "teams": {"providers": {"200": 1}},
    }


async def test_the_clock_moves_forward_only(world: World) -> None:
    """And everything that falls due happens."""
    before = await world.control("GET", "/clock")
    await world.advance(3600)
    after = await world.control("GET", "/clock")
    assert after["now"] > before["now"]
    pending = await world.users("pending")
    assert {u["provisioned"] for u in pending} == {True}


QUERY = {"api-version": "2019-08-01", "resource": GRAPH}


async def test_the_identity_endpoint_gives_a_token(world: World) -> None:
    """In the shape msal reads: expires_on is a string of seconds."""
    answer = await world.raw(
        "GET", "/msi/token", params=QUERY, headers={"X-IDENTITY-HEADER": "any"}
    )
    body = answer.json()
    assert set(body) == {"access_token", "expires_on", "resource", "token_type"}
    assert body["expires_on"].isdecimal()
    assert (body["resource"], body["token_type"]) == (GRAPH, "Bearer")


@pytest.mark.parametrize(
    ("params", "header", "status"),
    [
        (QUERY, None, 401),
        (QUERY, "wrong", 401),
        ({**QUERY, "api-version": "2018-02-01"}, "right", 400),
        ({**QUERY, "resource": "https://vault.azure.net"}, "right", 400),
        ({"api-version": "2019-08-01"}, "right", 400),
    ],
)
async def test_the_identity_endpoint_checks_what_it_gets(
    params: dict[str, str], header: str | None, status: int
) -> None:
    """The header, the version and the resource; refusals have what msal shows."""
    async with open_world(identity_header="right") as world:
        headers = {"X-IDENTITY-HEADER": header} if header else {}
        answer = await world.raw("GET", "/msi/token", params=params, headers=headers)
        assert answer.status_code == status
        assert set(answer.json()) == {"statusCode", "message"}
