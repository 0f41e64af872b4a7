"""The table of calls is the truth: the clients send these calls, all of them and no others."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import httpx

from shared.clients import wire
from shared.clients.teams_documented import DocumentedTeams
from shared.clients.wire import CALLS, Call, constant_of
from shared.domain.bridges import BridgeNumber
from tests.fakes import guid
from tests.unit.shared.clients.services import DISCOVERY, ORIGIN, Recorder
from tests.unit.shared.clients.test_graph import graph_user
from tests.unit.shared.clients.test_teams import CONFERENCING, teams_user

SETTINGS = {
    "resourceType": "microsoft.teams.dialinconferencingtenantsettings",
    "properties": {
        "AutomaticallySendEmailsToUsers": True,
        "AutomaticallyMigrateUserMeetings": True,
    },
}
END = datetime(2026, 11, 30, tzinfo=UTC)


def answer(request: httpx.Request) -> httpx.Response:
    """Answer any of our calls with the least that parses."""
    user = teams_user(1)
    subscription = {"id": "s1", "expirationDateTime": "2026-11-30T00:00:00Z"}
    bodies = {
        "serviceDiscovery": DISCOVERY,
        "users": {"users": [user], "value": []},
        "microsoft.graph.user": {"value": []},
        "subscriptions": subscription,
        "s1": subscription,
        "": [{"identity": "b1", "serviceNumbers": [{"number": "14255550100", "type": "Toll"}]}],
        "providers": [{"name": "BT", "domain": "bt.example", "url": None}],
        "OnlineDialInConferencingTenantSettings": [
            {
                "AutomaticallyReplaceAcpProvider": False,
                "AutomaticallySendEmailsToUsers": True,
                "AutomaticallyMigrateUserMeetings": True,
            }
        ],
        "userConfigurations": {"value": []},
        "createSnapshot": {"id": "j1"},
        "j1": {"id": "j1", "status": "succeeded", "resourceLocation": f"{ORIGIN}/v1.0/x/r1"},
        "r1": {"resources": [SETTINGS]},
        "delta": {"value": [], "@odata.deltaLink": f"{ORIGIN}/v1.0/users/delta?$deltatoken=2"},
    }
    if request.url.path.startswith("/Teams.Cpc/users/"):
        return httpx.Response(200, json=CONFERENCING)
    if request.url.path.endswith("/$batch"):
        user, group = {**graph_user(1), "value": []}, {"id": guid(91)}
        answers = [
            {"id": each["id"], "status": 200, "body": group if "/groups/" in each["url"] else user}
            for each in inner(request)
        ]
        return httpx.Response(200, json={"responses": answers})
    if request.url.path.endswith("/subscriptions") and request.method == "GET":
        return httpx.Response(200, json={"value": [subscription]})
    return httpx.Response(200, json=bodies.get(request.url.path.rsplit("/", 1)[1], user))


def inner(request: httpx.Request) -> list[dict[str, Any]]:
    """The requests in a batch."""
    requests: list[dict[str, Any]] = json.loads(request.content)["requests"]
    return requests


async def every_request() -> list[httpx.Request]:
    """Use every method of both clients once; return what they sent."""
    recorder = Recorder(answer)
    graph, teams = recorder.graph(guid(91)), recorder.teams()
    await graph.users([guid(1)])
    async for _ in graph.members(guid(91)):
        pass
    await graph.probe()
    async for _ in graph.licensed_ids(rooms=False):
        pass
    await graph.create_subscription("https://app.example/", "secret", END)
    await graph.renew_subscription("s1", END)
    await graph.subscriptions()
    await graph.delete_subscription("s1")
    async for _ in graph.changes(await graph.latest_delta_link()):
        pass
    await graph.reprocess(guid(1))
    await teams.user(guid(1))
    async for _ in teams.pages():
        pass
    await teams.set_microsoft(guid(1), replace=True)
    await teams.set_microsoft(guid(1), replace=False)
    await teams.conferencing_user(guid(1))
    await teams.probe()
    assert [each.name for each in await teams.providers()] == ["BT"]
    assert await teams.bridge_numbers() == [BridgeNumber("+14255550100", "b1")]
    assert (await teams.switches()).sends_mail
    documented = DocumentedTeams(recorder.service(), recorder.clock, 3, 100)
    await documented.user(guid(1))
    await documented.probe()
    assert [page.users async for page in documented.pages()] == [[]]
    assert await documented.snapshot_switches()
    batches = [request for request in recorder.requests if request.url.path.endswith("/$batch")]
    insides = [
        httpx.Request(each["method"], f"{ORIGIN}/v1.0{each['url']}")
        for batch in batches
        for each in inner(batch)
        if not each["url"].startswith("/users/") or each["method"] == "POST"
    ]
    return recorder.requests + insides


def matches(call: Call, request: httpx.Request) -> bool:
    """Whether a request is of this call's form."""
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(call.template))
    return request.method == call.method and re.fullmatch(pattern, request.url.path) is not None


async def test_clients_send_what_the_table_says() -> None:
    """Each request is of a form in the table, and each row of the table is really sent."""
    requests = await every_request()
    assert [r.url.path for r in requests if not any(matches(call, r) for call in CALLS)] == []
    assert [str(c) for c in CALLS if not any(matches(c, r) for r in requests)] == []


def test_every_call_has_a_constant_to_correct() -> None:
    """What errors and probes name is there, once each; a call from elsewhere is named as it is sent."""
    named = [constant_of(call) for call in CALLS]
    assert len(set(named)) == len(CALLS)
    assert [getattr(wire, name.rpartition(" ")[2]) for name in named] == list(CALLS)
    assert constant_of(Call("GET", "/x", CALLS[0].sure, "")) == "GET /x"


def test_identifiers_are_encoded() -> None:
    """An identifier cannot leave its place in the path."""
    assert Call("GET", "/x/{id}", CALLS[0].sure, "").path(id="a/../b?c") == "/x/a%2F..%2Fb%3Fc"
