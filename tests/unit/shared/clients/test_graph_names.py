"""Users by name at Graph: user names first, then SIP, mail and proxy addresses."""

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from shared.domain.user import DirectoryUser
from shared.errors import AmbiguousNameError, NotFoundError, ServiceError, ThrottledError
from tests.fakes import guid
from tests.unit.shared.clients.services import Recorder
from tests.unit.shared.clients.test_graph import graph_user

Directory = dict[str, list[dict[str, Any]]]


def answers(hits: Directory) -> Recorder:
    """Graph with these users by key (`/x`, `('$x')`) or by address; no key: nobody."""

    def inner(item: dict[str, Any]) -> dict[str, Any]:
        url = urlsplit(item["url"])
        if url.path != "/users":
            users = hits.get(unquote(url.path.removeprefix("/users").removeprefix("/")), [])
            return {"status": 200, "body": users[0]} if users else {"status": 404, "body": {}}
        assert item["headers"] == {"ConsistencyLevel": "eventual"}
        address = parse_qs(url.query)["$filter"][0].partition(" or ")[0]
        found = hits.get(address, [])
        return (
            {"status": 429, "body": {}}
            if found == [{}]
            else {"status": 200, "body": {"value": found}}
        )

    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["requests"]
        responses = [{"id": item["id"], **inner(item)} for item in asked]
        return httpx.Response(200, json={"responses": responses})

    return Recorder(answer)


def shown(found: DirectoryUser | ServiceError) -> str:
    """The user's id, or the name of the error."""
    return found.id if isinstance(found, DirectoryUser) else type(found).__name__


async def test_a_user_name_wins_and_only_unknown_addresses_are_searched() -> None:
    """K6: one batch of users, one more for the addresses that are no user names; ids are not searched."""
    recorder = answers(
        {
            "anna@contoso.example": [graph_user(1, userPrincipalName="Anna@contoso.example")],
            "mail eq 'anna@contoso.example'": [graph_user(2)],
            "mail eq 'o''brien@contoso.example'": [graph_user(3)],
            "mail eq 'shared@contoso.example'": [graph_user(4), graph_user(5)],
            "mail eq 'busy@contoso.example'": [{}],
        }
    )
    names = [f"{each}@contoso.example" for each in ("anna", "o'brien", "shared", "busy", "nobody")]
    found = await recorder.graph().users([*names, guid(9)])
    assert {name: shown(user) for name, user in found.items()} == {
        names[0]: guid(1),
        names[1]: guid(3),
        names[2]: AmbiguousNameError.__name__,
        names[3]: ThrottledError.__name__,
        names[4]: NotFoundError.__name__,
        guid(9): NotFoundError.__name__,
    }
    assert str(found[names[2]]) == (
        "Graph: GET /v1.0/users: user4@contoso.example and user5@contoso.example have this address: "
        "give the user name or id"
    )
    sizes = [len(json.loads(request.content)["requests"]) for request in recorder.requests]
    assert sizes == [6, 4, 1, 1]


async def test_the_search_covers_every_kind_of_address() -> None:
    """K5, K6: mail, primary and other proxy addresses, and SIP addresses; quotes are doubled."""
    recorder = answers({})
    await recorder.graph().users(["o'brien+x@contoso.example"])
    url = json.loads(recorder.requests[1].content)["requests"][0]["url"]
    address = "o''brien+x@contoso.example"
    assert parse_qs(urlsplit(url).query)["$filter"] == [
        f"mail eq '{address}' or proxyAddresses/any(p:p eq 'smtp:{address}') or "
        f"proxyAddresses/any(p:p eq 'SMTP:{address}') or imAddresses/any(i:i eq '{address}')"
    ]


async def test_user_names_that_begin_with_a_dollar_sign() -> None:
    """U4: they go in quotes and parentheses, for Graph refuses them as a segment of the path."""
    names = ["$pilot@contoso.example", "$o'brien#1@contoso.example", "a$b@contoso.example"]
    keys = [f"('{names[0]}')", "('$o''brien#1@contoso.example')", names[2]]
    known = [graph_user(number, userPrincipalName=name) for number, name in enumerate(names, 1)]
    recorder = answers({key: [user] for key, user in zip(keys, known, strict=True)})
    found = await recorder.graph().users(names)
    assert [shown(user) for user in found.values()] == [guid(1), guid(2), guid(3)]
    asked = json.loads(recorder.requests[0].content)["requests"]
    assert [item["url"].partition("?")[0] for item in asked] == [
        "/users('$pilot@contoso.example')",
        "/users('$o''brien%231@contoso.example')",
        "/users/a%24b@contoso.example",
    ]
