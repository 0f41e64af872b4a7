"""What Graph is awkward about in life: other addresses, `$` names, tokens of pages, challenges."""

import base64
import json
import random
from collections import Counter

import httpx
import pytest

from local.tenant.app import create_app
from local.tenant.clock import Clock
from local.tenant.identity.tokens import GRAPH
from local.tenant.options import TenantOptions
from shared.clients.graph import GraphClient
from shared.clients.http import Retries, ServiceClient
from shared.clients.limiter import Limiter
from shared.domain.user import DirectoryUser
from tests.fakes import FakeClock
from tests.integration.local.tenant.support import BASE, Json, World, open_world

EVENTUAL = {"ConsistencyLevel": "eventual"}
ADDRESSES = "id,userPrincipalName,mail,proxyAddresses,imAddresses"


class Token:
    """One token, whatever it is for."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, _: str) -> str:
        return self._token

    def forget(self, _: str) -> None: ...


async def addresses(world: World) -> list[Json]:
    """Everybody's addresses."""
    return await world.all_pages(f"/users?$select={ADDRESSES}&$top=999")


async def test_addresses_are_not_always_the_user_name() -> None:
    """K6: some users have another mail or SIP address; all are proxy addresses, and guests have none."""
    async with open_world(users=300) as world:
        found = await addresses(world)
        sorts = Counter(
            (
                user["mail"] == user["userPrincipalName"],
                user["imAddresses"] == [user["userPrincipalName"]],
            )
            for user in found
            if user["mail"]
        )
        assert len(sorts) == 4, sorts
        for user in found:
            proxies = user["proxyAddresses"]
            if user["mail"] is None:
                assert (proxies, user["imAddresses"]) == ([], [])
                continue
            assert proxies[0] == f"SMTP:{user['mail']}"
            assert proxies[-1] == f"SIP:{user['imAddresses'][0]}"
            known = {each.partition(":")[2] for each in proxies[:-1]}
            assert user["userPrincipalName"] in known


async def test_the_app_finds_users_by_every_address() -> None:
    """K5, K6, U4: by user name, mail, proxy and SIP address, `$` and quotes included; a user name wins."""
    async with open_world(users=200) as world:
        token = await world.token(GRAPH)
        async with httpx.AsyncClient(transport=world.transport) as http:
            clock = FakeClock()
            service = ServiceClient(
                "Graph",
                BASE,
                "x",
                http=http,
                tokens=Token(token),
                limiter=Limiter(clock, 8),
                clock=clock,
                retries=Retries(),
                timeout=5,
                rng=random.Random(1),
            )
            graph = GraphClient(service, clock, 2)
            members = [user for user in await addresses(world) if user["mail"]]
            first, second, third = members[:3]
            renamed = "$o'brien@contoso.example"
            body = {"userPrincipalName": renamed}
            assert (await world.graph("PATCH", f"/users/{first['id']}", json=body)).is_success
            for user, mail in ((second, renamed), (third, second["mail"])):
                path, body = f"/users/{user['id']}", {"mail": mail}
                assert (await world.graph("PATCH", path, json=body)).is_success
            wanted = {
                renamed: first["id"],
                second["userPrincipalName"]: second["id"],
                **{user["imAddresses"][0].upper(): user["id"] for user in members[10:18]},
                **{user["mail"]: user["id"] for user in members[20:28]},
            }
            found = await graph.users(list(wanted))
            assert {name: getattr(user, "id", user) for name, user in found.items()} == wanted
            aliases = {
                each.partition(":")[2]: user["id"]
                for user in members[30:37]
                for each in user["proxyAddresses"]
            }
            found = await graph.users(list(aliases)[:20])
            assert {name: getattr(user, "id", user) for name, user in found.items()} == dict(
                list(aliases.items())[:20]
            )
            assert all(isinstance(user, DirectoryUser) for user in found.values())


async def test_user_names_that_begin_with_a_dollar_sign(world: World) -> None:
    """U4: Graph refuses them as a segment of the path, and takes them in quotes and parentheses."""
    user = await world.user("microsoft")
    await world.graph("PATCH", f"/users/{user['id']}", json={"userPrincipalName": "$o'p@x.example"})
    refused = await world.graph("GET", "/users/$o'p@x.example")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "Request_BadRequest")
    assert (await world.graph("GET", "/users/%24o'p@x.example")).status_code == 400
    found = await world.graph("GET", "/users('$o''p@x.example')?$select=id")
    assert found.json()["id"] == user["id"]
    changed = await world.graph("PATCH", f"/users('{user['id']}')", json={"displayName": "P"})
    assert changed.status_code == 204
    assert (await world.graph("GET", "/users/$count", headers=EVENTUAL)).status_code == 200


async def test_a_user_can_be_renamed_to_a_free_name_only(world: World) -> None:
    """The mail address stays; a name that somebody has is refused."""
    one, other = await world.user("microsoft"), await world.user("microsoft", 1)
    before = (await world.graph("GET", f"/users/{one['id']}")).json()["mail"]
    taken = {"userPrincipalName": other["userPrincipalName"].upper()}
    refused = await world.graph("PATCH", f"/users/{one['id']}", json=taken)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "Request_BadRequest")
    free = {"userPrincipalName": "married@contoso.example"}
    assert (await world.graph("PATCH", f"/users/{one['id']}", json=free)).status_code == 204
    shown = (await world.graph("GET", "/users/married@contoso.example")).json()
    assert (shown["id"], shown["mail"]) == (one["id"], before)
    old = await world.graph("GET", f"/users/{one['userPrincipalName']}")
    assert old.status_code == 404


async def test_a_next_page_needs_the_header_of_the_first(world: World) -> None:
    """Also in a list without a filter; without the header on the first page none is needed."""
    url = "/users?$top=5&$select=id"
    plain = (await world.graph("GET", url)).json()["@odata.nextLink"]
    assert (await world.graph("GET", plain)).status_code == 200
    eventual = (await world.graph("GET", url, headers=EVENTUAL)).json()["@odata.nextLink"]
    assert (await world.graph("GET", eventual)).status_code == 400
    assert (await world.graph("GET", eventual, headers=EVENTUAL)).status_code == 200


async def test_the_token_of_a_page_can_expire_in_mid_listing(world: World) -> None:
    """As it does on large tenants; the first page is never refused for it."""
    await world.control("PUT", "/faults", {"page_tokens_expire": 1})
    first = (await world.graph("GET", "/users?$top=5&$select=id")).json()
    refused = await world.graph("GET", first["@odata.nextLink"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        400,
        "Directory_ExpiredPageToken",
    )


async def test_one_subscription_for_the_same_changes(world: World) -> None:
    """A second one is refused whatever its address, as documented; for other changes it is not."""
    body = {
        "changeType": "updated",
        "resource": "users",
        "notificationUrl": "EventGrid:?azuresubscriptionid=a&resourcegroup=b&partnertopic=c&location=d",
        "expirationDateTime": "2099-01-01T00:00:00Z",
    }
    async with open_world() as other:
        now = (await other.control("GET", "/clock"))["now"]
    body["expirationDateTime"] = f"{now[:10]}T23:59:59Z"
    assert (await world.graph("POST", "/subscriptions", json=body)).status_code == 201
    again = {**body, "notificationUrl": body["notificationUrl"].replace("=c", "=other")}
    assert (await world.graph("POST", "/subscriptions", json=again)).status_code == 409
    deleted = {**again, "changeType": "deleted"}
    assert (await world.graph("POST", "/subscriptions", json=deleted)).status_code == 201


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_refused_token_is_challenged(world: World, revoked: bool) -> None:
    """401 says where to sign in; a token that was ended early comes back with the claims to ask for."""
    token = await world.token(GRAPH)
    if revoked:
        await world.control("POST", "/tokens/revoke")
    headers = {"Authorization": f"Bearer {token}" if revoked else "Bearer nonsense"}
    refused = await world.raw("GET", "/v1.0/users", headers=headers)
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="", authorization_uri="https://login.')
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == (
        "TokenIssuedBeforeRevocationTimestamp" if revoked else "InvalidAuthenticationToken"
    )
    claims = challenge.partition('claims="')[2].rstrip('"')
    assert bool(claims) is revoked
    if revoked:
        assert "access_token" in json.loads(base64.b64decode(claims))


async def test_teams_has_nulls_other_features_and_unknown_types() -> None:
    """U1, U2, U3: null for what is empty, pay-per-minute, the features of rooms, the type Unknown."""
    async with open_world(users=600, never_had_it=0.5) as world:
        answer = await world.teams("GET", "/Teams.User/users?pagesize=1000")
        found = answer.json()["users"]
        kinds = {user["id"]: user["kind"] for user in await world.users()}
        assert {None, "list"} == {
            None if user[name] is None else "list"
            for user in found
            for name in ("acpInfo", "featureTypes")
        }
        features = {
            (kinds[user["objectId"]], name) for user in found for name in user["featureTypes"] or ()
        }
        assert {("room", "TeamsRoomPro"), ("room", "TeamsRoomBasic")} <= features
        assert any(name == "Conferencing_RequiresCommunicationCredits" for _, name in features)
        types = Counter(u["accountType"] for u in found if kinds[u["objectId"]] == "ineligible")
        assert types.keys() == {"Unknown", "IneligibleUser"}
        without = [
            user
            for user in found
            if kinds[user["objectId"]] == "no_provider"
            and "AudioConferencing" not in (user["featureTypes"] or ())
        ]
        assert without


def test_awkwardness_changes_nothing_else() -> None:
    """Who lives there, with which license and provider, follows from the seed whatever is awkward."""
    options = {"other_mail": 0, "other_sip": 0, "unknown_types": 0, "nulls": 0}
    clock = Clock(lambda: 1_764_547_200.0)  # of both: licenses are assigned when the tenant begins
    plain = create_app(TenantOptions.model_validate({"users": 90, **options}), clock).state.tenant
    usual = create_app(TenantOptions(users=90), clock).state.tenant
    for one, other in zip(plain.directory.users, usual.directory.users, strict=True):
        assert (one.id, one.upn, one.plans, one.entries, one.conference, one.takes) == (
            other.id,
            other.upn,
            other.plans,
            other.entries,
            other.conference,
            other.takes,
        )
        assert (one.mail or one.upn, one.sip or one.upn, one.nulls) == (one.upn, one.upn, False)
