"""The Teams admin API over HTTP."""

import random

import pytest

from local.tenant.directory.catalog import AUDIO_CONFERENCING
from local.tenant.identity.tokens import TEAMS
from shared.clients.http import Retries, ServiceClient
from shared.clients.limiter import Limiter
from shared.clients.teams import TeamsClient
from shared.errors import RejectedError
from tests.fakes import FakeClock
from tests.integration.local.tenant.support import BASE, TEAMS_HEADERS, Json, World, open_world


class TenantTokens:
    """Tokens of a tenant's own identity endpoint."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def token(self, resource: str) -> str:
        """Ask for a token."""
        return await self._world.token(resource)

    def forget(self, resource: str) -> None:
        """Do nothing: none is kept."""


def client(world: World, page_size: int) -> TeamsClient:
    """The app's own client of this tenant."""
    clock = FakeClock()
    service = ServiceClient(
        "Teams",
        BASE,
        TEAMS,
        http=world.client,
        tokens=TenantTokens(world),
        limiter=Limiter(clock, 8),
        clock=clock,
        retries=Retries(tries=2),
        rng=random.Random(1),
        timeout=10,
    )
    return TeamsClient(service, page_size, clock)


async def all_users(world: World, path: str) -> list[Json]:
    """The users of all pages."""
    users: list[Json] = []
    following: str | None = path
    while following:
        body = (await world.teams("GET", following)).json()
        users += body["users"]
        following = body.get("NextLink")
        assert following is None or following.startswith(BASE)
    return users


async def test_discovery_names_this_host(world: World) -> None:
    """Without the X-MS headers, which only it returns."""
    headers = {"Authorization": f"Bearer {await world.token(TEAMS)}"}
    answer = await world.raw("GET", "/Teams.Tenant/serviceDiscovery", headers=headers)
    assert answer.json() == {
        "Endpoints": {
            "ConfigApiEndpoint": "tenant.test",
            "AdminServiceEndpoint": "tenant.test",
        },
        "Headers": {"X-MS-Forest": "0n"},
    }


@pytest.mark.parametrize("name", sorted(TEAMS_HEADERS))
async def test_every_header_is_demanded(world: World, name: str) -> None:
    """400 that names the one that is missing."""
    answer = await world.teams("GET", "/Teams.User/users", headers={name: ""})
    assert (answer.status_code, answer.json()["code"]) == (400, "MissingHeader")
    assert name in answer.json()["message"]


async def test_everybody_is_listed_with_provider_entries(world: World) -> None:
    """Also the soft-deleted; the entries are those of the state."""
    listed = {u["objectId"]: u for u in await all_users(world, "/Teams.User/users?pagesize=7")}
    state = await world.users()
    assert set(listed) == {u["id"] for u in state}
    for user in state:
        shown = listed[user["id"]]
        assert (shown["acpInfo"] or []) == user["entries"]
        assert shown["accountType"] == user["accountType"]
        features = " ".join(shown["featureTypes"] or [])
        assert ("Conferencing" in features) == user["provisioned"]
        assert bool(shown["softDeletionTimestamp"]) == user["deleted"]


async def test_the_last_page_has_no_next_link() -> None:
    """Not even when it is full."""
    async with open_world(users=200) as world:
        first = (await world.teams("GET", "/Teams.User/users")).json()
        assert len(first["users"]) == 100
        second = (await world.teams("GET", first["NextLink"])).json()
        assert len(second["users"]) == 100
        assert "NextLink" not in second


@pytest.mark.parametrize(
    "params",
    [
        {"filter": "accountType eq 'Guest'"},
        {"pagesize": "1001"},
        {"pagesize": "0"},
        {"top": "5"},
        {"select": "shoeSize"},
        {"skiptoken": "nonsense"},
        {"orderby": "displayName"},
    ],
)
async def test_what_the_list_does_not_support(world: World, params: dict[str, str]) -> None:
    """400 BadRequest that names the parameter."""
    answer = await world.teams("GET", "/Teams.User/users", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "BadRequest")


async def test_one_user_by_id_or_name(world: World) -> None:
    """404 UserNotFound for the unknown."""
    user = await world.user("third_party")
    for key in (user["id"], user["userPrincipalName"]):
        answer = await world.teams("GET", f"/Teams.User/users/{key}")
        assert answer.json()["objectId"] == user["id"]
    missing = await world.teams("GET", "/Teams.User/users/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "UserNotFound")


async def test_a_move_end_to_end(world: World) -> None:
    """Refused without replaceProvider, done with it, and no change the second time."""
    user = await world.user("third_party")
    where = f"/Teams.Cpc/users/{user['id']}"
    refused = await world.teams("PUT", where, json={})
    assert (refused.status_code, refused.json()["code"]) == (400, "ThirdPartyProvider")
    moved = await world.teams("PUT", where, json={"replaceProvider": True})
    assert moved.status_code == 200
    assert moved.json()["leaderPin"] is not None
    again = await world.teams("PUT", where, json={"replaceProvider": True})
    assert again.json() == moved.json() | {"leaderPin": None}
    after = await world.control("GET", f"/users/{user['id']}")
    assert (after["provider"], after["sets"]) == ("Microsoft", 1)
    assert after["original_entries"] == user["entries"]
    changes = (await world.control("GET", f"/changes?user={user['id']}"))["changes"]
    assert [c["action"] for c in changes] == ["replaced"]


async def test_a_conferencing_user_is_read_without_the_pin(world: World) -> None:
    """What the PUT answered, with the PIN left out; who is on a third party, or nobody, is none."""
    user = await world.user("third_party")
    where = f"/Teams.Cpc/users/{user['id']}"
    missing = [await world.teams("GET", each) for each in (where, "/Teams.Cpc/users/nobody")]
    assert [(each.status_code, each.json()["code"]) for each in missing] == [
        (404, "UserNotFound")
    ] * 2
    moved = (await world.teams("PUT", where, json={"replaceProvider": True})).json()
    read = await world.teams("GET", where)
    assert (read.status_code, read.json()) == (200, moved | {"leaderPin": None})


@pytest.mark.parametrize("body", ["no json", "[]", '{"replaceProvider": 1}', '{"surprise": true}'])
async def test_a_wrong_body_is_refused(world: World, body: str) -> None:
    """400 BadRequest."""
    user = await world.user("third_party")
    answer = await world.teams("PUT", f"/Teams.Cpc/users/{user['id']}", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BadRequest")


async def test_bridges_have_several_numbers(world: World) -> None:
    """One default bridge, numbers of several countries, each on its bridge."""
    bridges = (await world.teams("GET", "/Teams.Cpc/bridges/")).json()
    assert [b["isDefault"] for b in bridges].count(True) == 1
    for bridge in bridges:
        numbers = [n["number"] for n in bridge["serviceNumbers"]]
        assert bridge["defaultServiceNumber"] in numbers
        assert {n["bridgeId"] for n in bridge["serviceNumbers"]} == {bridge["identity"]}
        assert {n["type"] for n in bridge["serviceNumbers"]} == {"Toll", "TollFree"}


async def test_the_providers_are_those_of_the_users(world: World) -> None:
    """Every third-party entry is of a provider that is listed."""
    providers = (await world.teams("GET", "/Teams.Cpc/providers")).json()
    names = {p["name"] for p in providers}
    assert set(providers[0]) == {"identity", "name", "domain", "url", "port"}
    used = {e["name"] for u in await world.users() for e in u["entries"]}
    assert used - {"Microsoft"} == names


async def test_settings_are_listed(world: World) -> None:
    """A list of one, the global ones."""
    where = "/Skype.Policy/configurations/OnlineDialInConferencingTenantSettings"
    listed = (await world.teams("GET", where)).json()
    assert [s["Identity"] for s in listed] == ["Global"]
    assert listed[0]["AutomaticallyReplaceAcpProvider"] is False


async def test_unknown_addresses_and_methods(world: World) -> None:
    """404 and 405 in the service's own shape."""
    assert (await world.teams("GET", "/Teams.Nothing/x")).json()["code"] == "NotFound"
    answer = await world.teams("DELETE", "/Teams.Cpc/users/x")
    assert (answer.status_code, answer.json()["code"]) == (405, "MethodNotAllowed")


async def test_a_soft_deleted_user_is_listed_but_cannot_be_set(world: World) -> None:
    """Teams remembers the account, the conferencing service does not."""
    user = await world.user("soft_deleted")
    answer = await world.teams("PUT", f"/Teams.Cpc/users/{user['id']}", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "UserNotFound")


async def test_with_automatic_replacement_licensing_moves() -> None:
    """The old numbers are lost although nobody asked: what the nightly sweep guards against."""
    async with open_world(automatically_replace=True) as world:
        user = await world.user("unlicensed_third_party")
        await world.assign(user["id"], AUDIO_CONFERENCING.id)
        await world.advance(11)
        after = await world.control("GET", f"/users/{user['id']}")
        assert (after["provider"], after["sets"]) == ("Microsoft", 0)


@pytest.mark.parametrize("form", ["address", "token", "module"])
@pytest.mark.parametrize("size", [7, 10, 1_000])
async def test_each_form_of_continuation_lists_everybody(form: str, size: int) -> None:
    """The app's client reads all users, each once, in each form, with full last pages and others."""
    async with open_world(continuation=form) as world:
        expected = [user["id"] for user in await world.users()]
        assert len(expected) == 60
        found: list[str] = []
        async for page in client(world, size).pages():
            found = [] if page.restarts else found
            found += [user.id for user in page.users]
        assert found == expected


@pytest.mark.parametrize("sent", ["null", "absent"])
async def test_a_service_without_provider_entries(sent: str) -> None:
    """Listed and alone: the client finds out that this service does not tell providers."""
    async with open_world(acp_info=sent) as world:
        teams = client(world, 1_000)
        user = await world.user("third_party")
        [page] = [page async for page in teams.pages()]
        alone = await teams.user(user["id"])
        assert alone in page.users
        assert not any(each.provider_known or each.entries for each in page.users)


async def test_another_verb_is_answered_with_what_is_allowed() -> None:
    """405 with `Allow`; the client's error names the constant to correct. Nothing was set."""
    async with open_world(set_verb="POST") as world:
        user = await world.user("third_party")
        with pytest.raises(RejectedError, match="the service takes GET, POST: correct the verb of"):
            await client(world, 10).set_microsoft(user["id"], replace=True)
        assert await world.user("third_party") == user
