"""Permissions and directory roles over HTTP: who may grant them, and what they then permit."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.local.tenant.support import Json, World, open_world

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
USERS = "df021288-bdef-4463-88db-98f22de89214"
TEAMS_ADMINISTRATOR = "69091246-20e8-4a56-aa4d-066075b2a7a8"
ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
TEAMS = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239"


@pytest.fixture
async def strict() -> AsyncIterator[World]:
    """A tenant where the app may do only what it was given."""
    async with open_world(enforce_permissions=True) as world:
        yield world


async def person(world: World, *roles: str) -> dict[str, str]:
    """The header of an administrator with these directory roles."""
    await world.control("PUT", "/administrator", {"roles": list(roles)})
    token = (await world.control("POST", "/administrator/token", {}))["accessToken"]
    return {"Authorization": f"Bearer {token}"}


async def ids(world: World, header: dict[str, str]) -> tuple[str, str]:
    """The object ids of the app's identity and of Microsoft Graph."""
    url = f"/servicePrincipals(appId='{GRAPH_APP}')?$select=id,appRoles"
    graph = (await world.graph("GET", url, headers=header)).json()
    assert {role["id"]: role["value"] for role in graph["appRoles"]}[USERS] == "User.Read.All"
    return (await world.control("GET", "/identity"))["principalId"], graph["id"]


def code(answer: Json) -> str:
    """The code of an error."""
    return str(answer["error"]["code"])


async def test_a_permission_comes_and_goes(world: World) -> None:
    """Granted once with 201, listed, refused a second time with 400, taken away with 204."""
    header = await person(world, "Privileged Role Administrator")
    identity, graph = await ids(world, header)
    url = f"/servicePrincipals/{identity}/appRoleAssignments"
    body = {"principalId": identity, "resourceId": graph, "appRoleId": USERS}
    made = await world.graph("POST", url, json=body, headers=header)
    assert made.status_code == 201
    listed = (await world.graph("GET", url, headers=header)).json()["value"]
    assert [(one["appRoleId"], one["resourceDisplayName"]) for one in listed] == [
        (USERS, "Microsoft Graph")
    ]
    again = await world.graph("POST", url, json=body, headers=header)
    assert (again.status_code, code(again.json())) == (400, "Request_BadRequest")
    assert "already exists" in again.json()["error"]["message"]
    assert (await world.control("GET", "/identity"))["permissions"] == ["User.Read.All"]
    gone = await world.graph("DELETE", f"{url}/{listed[0]['id']}", headers=header)
    assert gone.status_code == 204
    assert (await world.graph("GET", url, headers=header)).json()["value"] == []


async def test_a_role_is_assigned_once(world: World) -> None:
    """201, found by its principal, and 400 for a second one; another scope is another assignment."""
    header = await person(world, "Global Administrator")
    identity, _ = await ids(world, header)
    body = {
        "principalId": identity,
        "roleDefinitionId": TEAMS_ADMINISTRATOR,
        "directoryScopeId": "/",
    }
    made = await world.graph("POST", ASSIGNMENTS, json=body, headers=header)
    assert made.status_code == 201
    again = await world.graph("POST", ASSIGNMENTS, json=body, headers=header)
    assert (again.status_code, code(again.json())) == (400, "Request_BadRequest")
    unit = {**body, "directoryScopeId": "/administrativeUnits/x"}
    assert (await world.graph("POST", ASSIGNMENTS, json=unit, headers=header)).status_code == 201
    only = {"$filter": f"principalId eq '{identity}'"}
    listed = (await world.graph("GET", ASSIGNMENTS, params=only, headers=header)).json()["value"]
    assert {one["directoryScopeId"] for one in listed} == {"/", "/administrativeUnits/x"}


async def test_who_may_not(world: World) -> None:
    """An application administrator cannot grant Graph's permissions, nor can the app itself."""
    weak = await person(world, "Application Administrator")
    identity, graph = await ids(world, weak)
    url = f"/servicePrincipals/{identity}/appRoleAssignments"
    body = {"principalId": identity, "resourceId": graph, "appRoleId": USERS}
    for header in (weak, {}):
        refused = await world.graph("POST", url, json=body, headers=header)
        assert (refused.status_code, code(refused.json())) == (403, "Authorization_RequestDenied")
        refused = await world.graph("GET", ASSIGNMENTS, headers=header)
        assert refused.status_code == 403
    assert (await world.control("GET", "/identity"))["permissions"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"appRoleId": "not-a-guid"}, 400),
        ({"appRoleId": TEAMS_ADMINISTRATOR}, 400),
        ({"principalId": TEAMS_ADMINISTRATOR}, 400),
        ({"resourceId": TEAMS_ADMINISTRATOR}, 404),
    ],
)
async def test_malformed_grants(world: World, change: Json, status: int) -> None:
    """A permission that Graph lacks, or ids that do not fit, are refused and leave nothing."""
    header = await person(world, "Privileged Role Administrator")
    identity, graph = await ids(world, header)
    body = {"principalId": identity, "resourceId": graph, "appRoleId": USERS, **change}
    url = f"/servicePrincipals/{identity}/appRoleAssignments"
    refused = await world.graph("POST", url, json=body, headers=header)
    assert refused.status_code == status
    assert (await world.control("GET", "/identity"))["permissions"] == []


async def test_principals_and_roles_are_found(world: World) -> None:
    """By application id, by object id, and by name with `$filter`; an unknown id is 404."""
    header = await person(world, "Global Reader")
    url = f"/servicePrincipals(appId='{GRAPH_APP}')?$select=id,displayName"
    found = (await world.graph("GET", url, headers=header)).json()
    assert {"displayName", "id"} == {name for name in found if "@" not in name}
    same = await world.graph("GET", f"/servicePrincipals/{found['id']}", headers=header)
    assert same.json()["appId"] == GRAPH_APP
    name = {"$filter": "displayName eq 'Teams Administrator'"}
    url = "/roleManagement/directory/roleDefinitions"
    roles = (await world.graph("GET", url, params=name, headers=header)).json()["value"]
    assert [role["templateId"] for role in roles] == [TEAMS_ADMINISTRATOR]
    wrong = {"$filter": "startswith(displayName,'T')"}
    assert (await world.graph("GET", url, params=wrong, headers=header)).status_code == 400
    unknown = f"/servicePrincipals/{TEAMS_ADMINISTRATOR}"
    assert (await world.graph("GET", unknown, headers=header)).status_code == 404


async def test_enforced_permissions(strict: World) -> None:
    """The app may read users with the permission in its token, and Teams with the role, not before."""
    assert (await strict.graph("GET", "/users")).status_code == 403
    assert (await strict.teams("GET", "/Teams.Cpc/bridges/")).json()["code"] == "Forbidden"
    header = await person(strict, "Privileged Role Administrator")
    identity, graph = await ids(strict, header)
    grant = {"principalId": identity, "resourceId": graph, "appRoleId": USERS}
    url = f"/servicePrincipals/{identity}/appRoleAssignments"
    assert (await strict.graph("POST", url, json=grant, headers=header)).status_code == 201
    role = {"principalId": identity, "roleDefinitionId": TEAMS_ADMINISTRATOR}
    body = {**role, "directoryScopeId": "/"}
    assert (await strict.graph("POST", ASSIGNMENTS, json=body, headers=header)).status_code == 201
    assert (await strict.graph("GET", "/users")).status_code == 403, "the token is older"
    fresh = {"Authorization": f"Bearer {await strict.token('https://graph.microsoft.com')}"}
    assert (await strict.graph("GET", "/users", headers=fresh)).status_code == 200
    assert (await strict.graph("GET", "/groups/x", headers=fresh)).status_code == 403
    of_teams = {"Authorization": f"Bearer {await strict.token(TEAMS)}"}
    bridges = await strict.teams("GET", "/Teams.Cpc/bridges/", headers=of_teams)
    assert bridges.status_code == 200


async def test_unknown_roles_of_an_administrator(world: World) -> None:
    """The control API names the field."""
    answer = await world.raw("PUT", "/_tenant/administrator", json={"roles": ["King"]})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "roles")
