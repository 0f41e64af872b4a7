"""The calls of the grant are those of its table, and their answers are read as documented."""

import json
import re

import httpx
import pytest

from cli.grant.directory import Directory
from cli.grant.wire import GRANT_CALLS
from shared.clients.wire import Call
from shared.errors import ContractError, ListingError, RejectedError
from tests.fakes import guid
from tests.unit.shared.clients.services import ORIGIN, Recorder

IDENTITY = {"id": guid(1), "appId": guid(2), "servicePrincipalType": "ManagedIdentity"}
EXISTS = {"error": {"code": "Request_BadRequest", "message": "already exists on the object"}}


def directory(recorder: Recorder) -> Directory:
    """The client over a recorder."""
    return Directory(recorder.service())


def matches(call: Call, request: httpx.Request) -> bool:
    """Whether a request is of this call's form."""
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(call.template))
    return request.method == call.method and re.fullmatch(pattern, request.url.path) is not None


async def test_sends_what_the_table_says() -> None:
    """Each request is of a form in the table, and each row of the table is really sent."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(guid(9)):
            return httpx.Response(404, json={"error": {"code": "Request_ResourceNotFound"}})
        asked = re.search(r"appId='(.+)'", request.url.path)
        app = {"appId": asked[1]} if asked else {}
        return httpx.Response(200, json={**IDENTITY, **app, "value": []})

    recorder = Recorder(answer)
    graph = directory(recorder)
    assert await graph.principal(guid(9))
    await graph.graph()
    await graph.app_roles(guid(1))
    await graph.grant(guid(1), guid(3), guid(4))
    await graph.revoke(guid(1), "a1")
    await graph.roles()
    await graph.role_assignments(guid(1))
    await graph.assign(guid(1), guid(5))
    await graph.application(guid(6))
    await graph.update_application(guid(7), {})
    await graph.federated(guid(7))
    await graph.trust(guid(7), {})
    sent = recorder.requests
    assert [r.url.path for r in sent if not any(matches(call, r) for call in GRANT_CALLS)] == []
    assert [str(call) for call in GRANT_CALLS if not any(matches(call, r) for r in sent)] == []


async def test_bodies() -> None:
    """The bodies carry the ids that Microsoft documents."""
    recorder = Recorder(lambda _: httpx.Response(201, json={}))
    graph = directory(recorder)
    assert await graph.grant("principal", "resource", "permission")
    assert await graph.assign("principal", "role")
    assert [json.loads(request.content) for request in recorder.requests] == [
        {"principalId": "principal", "resourceId": "resource", "appRoleId": "permission"},
        {
            "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
            "principalId": "principal",
            "roleDefinitionId": "role",
            "directoryScopeId": "/",
        },
    ]


@pytest.mark.parametrize("there", [True, False])
async def test_a_refused_grant_is_looked_at(there: bool) -> None:
    """400 says nothing: where the list has the assignment it was there already, else it failed."""
    listed = [{"id": "a1", "appRoleId": "permission", "resourceId": "resource"}] if there else []
    recorder = Recorder(
        lambda request: (
            httpx.Response(400, json=EXISTS)
            if request.method == "POST"
            else httpx.Response(200, json={"value": listed})
        )
    )
    if there:
        assert not await directory(recorder).grant("principal", "resource", "permission")
    else:
        with pytest.raises(RejectedError):
            await directory(recorder).grant("principal", "resource", "permission")


async def test_pages_are_followed_on_this_host_only() -> None:
    """A next link is followed; one that leads elsewhere would carry the token there."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "page" in request.url.params:
            elsewhere = {"@odata.nextLink": "https://elsewhere.example/"}
            return httpx.Response(200, json={"value": [], **elsewhere})
        role = {"id": guid(7).upper(), "displayName": "Teams Administrator"}
        link = {"@odata.nextLink": f"{ORIGIN}/v1.0/roleManagement/directory/roleDefinitions?page=2"}
        return httpx.Response(200, json={"value": [role], **link})

    recorder = Recorder(answer)
    with pytest.raises(ContractError, match="another host"):
        await directory(recorder).roles()
    assert len(recorder.requests) == 2


async def test_answers_about_another_account_are_refused() -> None:
    """What is granted goes to the account that was named, not to the one in an answer."""
    recorder = Recorder(lambda _: httpx.Response(200, json=IDENTITY))
    assert await directory(recorder).principal(guid(1).upper())
    with pytest.raises(ContractError, match="another account"):
        await directory(recorder).principal(guid(3))
    with pytest.raises(ContractError, match="another account"):
        await directory(recorder).graph()


async def test_no_listing_of_the_grant_is_endless() -> None:
    """A page whose next one is itself is an error; an element that cannot be read is left out."""
    page = {"value": [None, {"id": guid(5), "displayName": "x"}], "@odata.nextLink": f"{ORIGIN}/a"}
    recorder = Recorder(lambda _: httpx.Response(200, json=page))
    with pytest.raises(ListingError, match="read already"):
        await directory(recorder).roles()
    del page["@odata.nextLink"]
    assert [role.id for role in await directory(recorder).roles()] == [guid(5)]
