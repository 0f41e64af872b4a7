"""The table of calls is the truth: the clients send these calls, all of them and no others."""

import re
from datetime import UTC, datetime

import httpx

from shared.clients.wire import CALLS, Call
from tests.fakes import guid
from tests.unit.clients.services import DISCOVERY, ORIGIN, Recorder
from tests.unit.clients.test_teams import teams_user

END = datetime(2026, 11, 30, tzinfo=UTC)


def answer(request: httpx.Request) -> httpx.Response:
    """Answer any of our calls with the least that parses."""
    user = teams_user(1)
    subscription = {"id": "s1", "expirationDateTime": "2026-11-30T00:00:00Z"}
    bodies = {
        "serviceDiscovery": DISCOVERY,
        "users": {"users": [user], "value": []},
        "$batch": {"responses": []},
        "subscriptions": subscription,
        "s1": subscription,
        "": [{"name": "Bridge", "serviceNumbers": [{"number": "14255550100"}]}],
        "providers": [{"name": "BT", "domain": "bt.example", "url": None}],
        "OnlineDialInConferencingTenantSettings": [
            {
                "AutomaticallyReplaceAcpProvider": False,
                "AutomaticallySendEmailsToUsers": True,
                "AutomaticallyMigrateUserMeetings": True,
            }
        ],
        "delta": {"value": [], "@odata.deltaLink": f"{ORIGIN}/v1.0/users/delta?$deltatoken=2"},
    }
    if request.url.path.endswith("/subscriptions") and request.method == "GET":
        return httpx.Response(200, json={"value": [subscription]})
    return httpx.Response(200, json=bodies.get(request.url.path.rsplit("/", 1)[1], user))


async def every_request() -> list[httpx.Request]:
    """Use every method of both clients once; return what they sent."""
    recorder = Recorder(answer)
    graph, teams = recorder.graph(), recorder.teams()
    await graph.users([guid(1)])
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
    await teams.probe()
    assert [each.name for each in await teams.providers()] == ["BT"]
    assert await teams.bridge_numbers() == {"+14255550100"}
    assert (await teams.conferencing_settings()).automatically_send_emails_to_users
    return recorder.requests


def matches(call: Call, request: httpx.Request) -> bool:
    """Whether a request is of this call's form."""
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(call.template))
    return request.method == call.method and re.fullmatch(pattern, request.url.path) is not None


async def test_clients_send_what_the_table_says() -> None:
    """Each request is of a form in the table, and each row of the table is really sent."""
    requests = await every_request()
    assert [r.url.path for r in requests if not any(matches(call, r) for call in CALLS)] == []
    assert [str(c) for c in CALLS if not any(matches(c, r) for r in requests)] == []


def test_identifiers_are_encoded() -> None:
    """An identifier cannot leave its place in the path."""
    assert Call("GET", "/x/{id}", CALLS[0].sure, "").path(id="a/../b?c") == "/x/a%2F..%2Fb%3Fc"
