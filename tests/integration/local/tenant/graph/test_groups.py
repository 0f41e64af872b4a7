"""Groups over HTTP: made as an administrator makes them, and asked who is in them."""

import pytest

from tests.integration.local.tenant.support import BASE, Json, World

EVENTUAL = {"ConsistencyLevel": "eventual"}
USERS = "transitiveMembers/microsoft.graph.user"


async def group(world: World, *members: str) -> str:
    """Make a group with these users or groups; return its id."""
    body = {
        "displayName": "Board",
        "mailEnabled": False,
        "mailNickname": "board",
        "securityEnabled": True,
        "members@odata.bind": [f"{BASE}/v1.0/directoryObjects/{member}" for member in members],
    }
    answer = await world.graph("POST", "/groups", json=body)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return str(found["id"])


async def members(world: World, group_id: str, top: int = 999) -> set[str]:
    """The ids of the users in a group, read page by page."""
    params = {"$count": "true", "$top": str(top), "$select": "id"}
    url = f"/groups/{group_id}/{USERS}"
    pages = await world.all_pages(url, params=params, headers=EVENTUAL)
    return {user["id"] for user in pages}


async def test_members_through_other_groups(world: World) -> None:
    """Membership counts through groups in groups, also round a circle, each user once."""
    users = [user["id"] for user in (await world.users())[:3]]
    inner = await group(world, users[0], users[1])
    outer = await group(world, inner, users[1], users[2])
    circle = {"@odata.id": f"{BASE}/v1.0/groups/{outer}"}
    assert (
        await world.graph("POST", f"/groups/{inner}/members/$ref", json=circle)
    ).status_code == 204
    assert await members(world, outer) == set(users)
    assert await members(world, outer, top=1) == set(users)
    body = {"groupIds": [outer.upper(), inner, users[0]]}
    asked = await world.graph("POST", f"/users/{users[0]}/checkMemberGroups", json=body)
    assert set(asked.json()["value"]) == {outer, inner}


@pytest.mark.parametrize("wrong", [[], ["x"], ["0" * 8] * 21, None])
async def test_wrong_questions(world: World, wrong: object) -> None:
    """No group, a malformed id, more than 20: 400, as a whole."""
    user = (await world.users())[0]["id"]
    answer = await world.graph("POST", f"/users/{user}/checkMemberGroups", json={"groupIds": wrong})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_BadRequest")


async def test_hidden_members_are_left_out(world: World) -> None:
    """A check answers as if the user were not in a group with hidden membership, and says so nowhere."""
    user = (await world.users())[0]["id"]
    body = {
        "displayName": "Board",
        "mailEnabled": True,
        "mailNickname": "board",
        "securityEnabled": False,
        "visibility": "HiddenMembership",
        "members@odata.bind": [f"{BASE}/v1.0/users/{user}"],
    }
    made = (await world.graph("POST", "/groups", json=body)).json()
    assert made["visibility"] == "HiddenMembership"
    asked = await world.graph(
        "POST", f"/users/{user}/checkMemberGroups", json={"groupIds": [made["id"]]}
    )
    assert (asked.status_code, asked.json()["value"]) == (200, [])


async def test_cast_needs_eventual_consistency(world: World) -> None:
    """Without the header the members cannot be narrowed to users; an unknown group is 404."""
    made = await group(world)
    plain = await world.graph("GET", f"/groups/{made}/{USERS}")
    assert plain.json()["error"]["code"] == "Request_UnsupportedQuery"
    unknown = await world.graph(
        "GET", f"/groups/{made[::-1]}/{USERS}?$count=true", headers=EVENTUAL
    )
    assert unknown.status_code == 404
