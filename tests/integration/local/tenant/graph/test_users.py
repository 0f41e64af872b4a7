"""Reading users over HTTP."""

import pytest

from local.tenant.identity.tokens import GRAPH, TEAMS
from tests.integration.local.tenant.support import BASE, LICENSED, World, open_world

EVENTUAL = {"ConsistencyLevel": "eventual"}


async def test_all_users_come_in_pages(world: World) -> None:
    """Everybody but the soft-deleted comes exactly once, whatever the page size."""
    expected = [u["id"] for u in await world.users() if not u["deleted"]]
    for size in (7, 999):
        values = await world.all_pages("/users", params={"$top": size, "$select": "id"})
        assert [v["id"] for v in values] == expected


async def test_the_default_page_is_a_hundred() -> None:
    """100 without $top; the link is absolute, on the caller's own host."""
    async with open_world(users=150) as world:
        body = (await world.graph("GET", "/users")).json()
        assert len(body["value"]) == 100
        assert body["@odata.nextLink"].startswith(f"{BASE}/v1.0/users?$skiptoken=")
        assert set(body["value"][0]) >= {"id", "displayName", "userPrincipalName", "mail"}
        assert "assignedPlans" not in body["value"][0]


async def test_licensed_users_are_counted_and_listed(world: World) -> None:
    """The advanced filter gives the count on the first page and everybody over all pages."""
    params = {"$filter": LICENSED, "$count": "true", "$top": "5", "$select": "id,assignedPlans"}
    first = (await world.graph("GET", "/users", params=params, headers=EVENTUAL)).json()
    values = await world.all_pages("/users", params=params, headers=EVENTUAL)
    licensed = {u["id"] for u in await world.users() if u["licensed"]}
    assert {v["id"] for v in values} <= licensed
    assert first["@odata.count"] == len(values) > 5
    assert set(first["value"][0]) == {"id", "assignedPlans"}


@pytest.mark.parametrize("missing", ["header", "count"])
async def test_the_filter_needs_both_advanced_parameters(world: World, missing: str) -> None:
    """Without ConsistencyLevel or $count: 400 Request_UnsupportedQuery."""
    params = {"$filter": LICENSED} | ({} if missing == "count" else {"$count": "true"})
    headers = {} if missing == "header" else EVENTUAL
    answer = await world.graph("GET", "/users", params=params, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "Request_UnsupportedQuery"


async def test_the_header_is_needed_on_the_next_page_too(world: World) -> None:
    """A next link without ConsistencyLevel is refused."""
    params = {"$filter": LICENSED, "$count": "true", "$top": "5"}
    first = (await world.graph("GET", "/users", params=params, headers=EVENTUAL)).json()
    answer = await world.graph("GET", first["@odata.nextLink"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


async def test_a_license_given_while_paging_moves_nobody(world: World) -> None:
    """Pages begin after a user, not at an offset: nobody is skipped or comes twice."""
    params = {"$filter": LICENSED, "$count": "true", "$top": "5", "$select": "id"}
    first = (await world.graph("GET", "/users", params=params, headers=EVENTUAL)).json()
    seen = [v["id"] for v in first["value"]]
    everybody = [v["id"] for v in await world.all_pages("/users", params=params, headers=EVENTUAL)]
    shown = (await world.graph("GET", f"/users/{seen[0]}?$select=assignedLicenses")).json()
    body = {"addLicenses": [], "removeLicenses": [d["skuId"] for d in shown["assignedLicenses"]]}
    assert (
        await world.graph("POST", f"/users/{seen[0]}/assignLicense", json=body)
    ).status_code == 200
    rest = await world.all_pages(first["@odata.nextLink"], headers=EVENTUAL)
    assert seen + [v["id"] for v in rest] == everybody


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"$top": "1000"}, "Request_UnsupportedQuery"),
        ({"$top": "0"}, "Request_UnsupportedQuery"),
        ({"$skip": "5"}, "Request_BadRequest"),
        ({"$orderby": "displayName"}, "Request_UnsupportedQuery"),
        ({"$select": "id,shoeSize"}, "BadRequest"),
        ({"$filter": "shoeSize eq '5'"}, "BadRequest"),
        ({"$skiptoken": "nonsense"}, "Directory_ExpiredPageToken"),
    ],
)
async def test_what_users_do_not_support_is_refused(
    world: World, params: dict[str, str], code: str
) -> None:
    """400 with a code and a message that names the parameter's value."""
    answer = await world.graph("GET", "/users", params=params)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_one_user_is_found_by_id_and_by_name(world: World) -> None:
    """Also by names with an apostrophe or #EXT#, encoded as a client does it."""
    for user in await world.users():
        if user["deleted"]:
            continue
        name = user["userPrincipalName"].replace("#", "%23").replace("'", "%27")
        by_id = (await world.graph("GET", f"/users/{user['id']}?$select=userType")).json()
        by_name = (await world.graph("GET", f"/users/{name}?$select=id,userType")).json()
        assert by_name["id"] == user["id"]
        assert by_id["userType"] == by_name["userType"]


async def test_an_unknown_user_is_404(world: World) -> None:
    """With Graph's code, in Graph's envelope, with the caller's own request id."""
    answer = await world.graph("GET", "/users/nobody", headers={"client-request-id": "mine"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "Request_ResourceNotFound")
    assert error["innerError"]["client-request-id"] == "mine"
    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["request-id"] == error["innerError"]["request-id"]


async def test_a_soft_deleted_user_is_not_in_graph(world: World) -> None:
    """Graph does not show those whom Teams still lists."""
    user = await world.user("soft_deleted")
    assert (await world.graph("GET", f"/users/{user['id']}")).status_code == 404


async def test_counting_users(world: World) -> None:
    """/users/$count answers text, with the advanced header only."""
    answer = await world.graph("GET", "/users/$count", headers=EVENTUAL)
    there = [u for u in await world.users() if not u["deleted"]]
    assert answer.text == str(len(there))
    assert answer.headers["content-type"].startswith("text/plain")
    assert (await world.graph("GET", "/users/$count")).status_code == 400


async def test_a_wrong_method_is_405(world: World) -> None:
    """With the methods that there are."""
    answer = await world.graph("PUT", "/users")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


async def test_an_unknown_address_is_refused(world: World) -> None:
    """Graph's own answer to a segment it does not know."""
    answer = await world.graph("GET", "/devices")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("path", ["/v1.0/users", "/v1.0/$batch", "/Teams.User/users"])
async def test_no_call_without_a_token(world: World, path: str) -> None:
    """401 from either service."""
    method = "POST" if path.endswith("batch") else "GET"
    assert (await world.raw(method, path)).status_code == 401


async def test_each_service_wants_its_own_token(world: World) -> None:
    """A Teams token does not open Graph, nor the other way round."""
    teams = {"Authorization": f"Bearer {await world.token(TEAMS)}"}
    graph = {"Authorization": f"Bearer {await world.token(GRAPH)}"}
    refused = await world.raw("GET", "/v1.0/users", headers=teams)
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        401,
        "InvalidAuthenticationToken",
    )
    answer = await world.raw("GET", "/Teams.Tenant/serviceDiscovery", headers=graph)
    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthorized")


async def test_revoked_tokens_are_refused(world: World) -> None:
    """A test can end all tokens, so that a client has to fetch a new one."""
    assert (await world.graph("GET", "/subscriptions")).status_code == 200
    await world.control("POST", "/tokens/revoke")
    assert (await world.graph("GET", "/subscriptions")).status_code == 401


async def test_accounts_can_be_changed_and_deleted(world: World) -> None:
    """PATCH, DELETE, and the deletion for good from the deleted items."""
    where = f"/users/{(await world.user('unlicensed'))['id']}"
    body = {"displayName": "New", "usageLocation": "GB", "@odata.type": "#microsoft.graph.user"}
    patched = await world.graph("PATCH", where, json=body)
    assert (patched.status_code, patched.content) == (204, b"")
    shown = (await world.graph("GET", where + "?$select=displayName,usageLocation")).json()
    assert (shown["displayName"], shown["usageLocation"]) == ("New", "GB")
    assert (await world.graph("DELETE", where)).status_code == 204
    assert (await world.graph("GET", where)).status_code == 404
    deleted = where.replace("/users/", "/directory/deletedItems/")
    assert (await world.graph("DELETE", deleted)).status_code == 204
    assert (await world.graph("DELETE", deleted)).status_code == 404


@pytest.mark.parametrize(
    "body", [{"usageLocation": "Germany"}, {"accountEnabled": "no"}, {"shoeSize": 5}, [], None]
)
async def test_a_wrong_change_is_refused(world: World, body: object) -> None:
    """400, and the user stays as it is."""
    user = await world.user("unlicensed")
    answer = await world.graph("PATCH", f"/users/{user['id']}", json=body)
    assert answer.status_code == 400
    assert await world.user("unlicensed") == user
