"""Delta queries over HTTP."""

import pytest

from local.tenant.directory.catalog import AUDIO_CONFERENCING
from tests.integration.local.tenant.support import Json, World, open_world

LATEST = "/users/delta?$deltatoken=latest&$select=id,assignedPlans"


async def start(world: World, url: str = LATEST) -> str:
    """A delta link from which everything still to come is new."""
    body = (await world.graph("GET", url)).json()
    assert body["value"] == []
    link: str = body["@odata.deltaLink"]
    return link


async def follow(world: World, link: str) -> tuple[list[Json], str, int]:
    """All changes since the link, the next link, and how many pages they came in."""
    values: list[Json] = []
    pages = 0
    while True:
        body = (await world.graph("GET", link)).json()
        values += body["value"]
        pages += 1
        if "@odata.deltaLink" in body:
            return values, body["@odata.deltaLink"], pages
        link = body["@odata.nextLink"]


async def test_a_license_shows_in_the_next_round(world: World) -> None:
    """With the selected properties, and only once."""
    link = await start(world)
    user = await world.user("unlicensed")
    await world.assign(user["id"], AUDIO_CONFERENCING.id)
    values, link, _ = await follow(world, link)
    assert [v["id"] for v in values] == [user["id"]]
    assert "assignedPlans" in values[0]
    assert "displayName" not in values[0]
    assert (await follow(world, link))[0] == []


async def test_a_user_changed_often_comes_once_a_round(world: World) -> None:
    """In its latest state."""
    link = await start(world, "/users/delta?$deltatoken=latest&$select=displayName")
    user = await world.user("unlicensed")
    for name in ("One", "Two", "Three"):
        await world.graph("PATCH", f"/users/{user['id']}", json={"displayName": name})
    values, _, _ = await follow(world, link)
    assert [v["displayName"] for v in values] == ["Three"]


async def test_without_a_token_everybody_comes() -> None:
    """All users over several pages, then a delta link."""
    async with open_world(users=500) as world:
        values, link, pages = await follow(world, "/users/delta?$select=id")
        there = {u["id"] for u in await world.users() if not u["deleted"]}
        assert {v["id"] for v in values} == there
        assert len(values) == len(there)
        assert pages == 3
        assert (await follow(world, link))[0] == []


async def test_nothing_is_lost_over_many_rounds(world: World) -> None:
    """Empty pages and replays happen, a change that is never reported does not."""
    link = await start(world)
    seen: list[str] = []
    users = (await world.users("unlicensed"))[:12]
    empty_pages = 0
    for user in users:
        await world.assign(user["id"], AUDIO_CONFERENCING.id)
        values, link, pages = await follow(world, link)
        empty_pages += pages > 1
        assert user["id"] in {v["id"] for v in values}
        seen += [v["id"] for v in values]
    assert empty_pages > 0
    assert len(seen) > len(users)  # some changes came again
    assert set(seen) == {user["id"] for user in users}


async def test_an_old_link_can_be_used_again(world: World) -> None:
    """A client that crashed before it stored the new link loses nothing."""
    link = await start(world)
    user = await world.user("unlicensed")
    await world.assign(user["id"], AUDIO_CONFERENCING.id)
    first = (await follow(world, link))[0]
    assert (await follow(world, link))[0] == first


async def test_deletions_are_told_apart(world: World) -> None:
    """Soft delete is `changed`, gone for good is `deleted`."""
    user = await world.user("unlicensed")
    link = await start(world)
    await world.graph("DELETE", f"/users/{user['id']}")
    values, link, _ = await follow(world, link)
    assert values == [{"id": user["id"], "@removed": {"reason": "changed"}}]
    await world.graph("DELETE", f"/directory/deletedItems/{user['id']}")
    values, _, _ = await follow(world, link)
    assert values == [{"id": user["id"], "@removed": {"reason": "deleted"}}]


@pytest.mark.parametrize("name", ["delta", "delta()", "microsoft.graph.delta()"])
async def test_the_function_has_several_names(world: World, name: str) -> None:
    """As in the documentation and as in Microsoft's SDKs."""
    assert (await world.graph("GET", f"/users/{name}")).status_code == 200


@pytest.mark.parametrize(
    "option", ["$top=5", "$expand=manager", "$orderby=id", "$filter=id eq 'x'"]
)
async def test_options_that_delta_does_not_have(world: World, option: str) -> None:
    """400."""
    assert (await world.graph("GET", f"/users/delta?{option}")).status_code == 400


async def test_a_token_lives_seven_days(world: World) -> None:
    """After that: 400 syncStateNotFound, start again."""
    link = await start(world)
    await world.advance(7 * 86_400 - 60)
    assert (await world.graph("GET", link)).status_code == 200
    await world.advance(120)
    answer = await world.graph("GET", link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "syncStateNotFound")


async def test_a_reset_says_where_to_start_again(world: World) -> None:
    """410 with a Location that gives everybody, with the same properties selected."""
    link = await start(world)
    await world.control("POST", "/delta", {"tokens": "reset"})
    answer = await world.graph("GET", link)
    assert answer.status_code == 410
    values, _, _ = await follow(world, answer.headers["location"])
    assert {"id", "assignedPlans"} == set(values[0])
    assert len(values) == len([u for u in await world.users() if not u["deleted"]])


async def test_tokens_can_be_made_to_expire(world: World) -> None:
    """The control API does at once what takes a week."""
    link = await start(world)
    await world.control("POST", "/delta", {"tokens": "expire"})
    answer = await world.graph("GET", link)
    assert answer.json()["error"]["code"] == "syncStateNotFound"
    assert (await world.graph("GET", await start(world))).status_code == 200


@pytest.mark.parametrize("token", ["nonsense", "e30", "W10"])
async def test_a_made_up_token_is_refused(world: World, token: str) -> None:
    """400, not a full read by accident."""
    for name in ("$deltatoken", "$skiptoken"):
        assert (await world.graph("GET", f"/users/delta?{name}={token}")).status_code == 400
