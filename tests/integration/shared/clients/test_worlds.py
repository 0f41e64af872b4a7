"""Each world, and each form of the Teams listing, read by the real clients in this process."""

import random
from typing import Any

import httpx
import pytest

from local.tenant.app import create_app
from local.tenant.options import AcpInfo, Continuation, TenantOptions
from local.worlds import WORLDS, World
from shared.clients import wire
from shared.clients.http import Retries, ServiceClient
from shared.clients.limiter import Limiter
from shared.clients.teams import TeamsClient
from shared.clients.teams_documented import DocumentedTeams
from shared.domain.user import ServiceUser
from shared.settings.settings import Cloud
from tests.fakes import FakeClock

ORIGIN = "https://tenant.example"
PAGE = 20
USERS = 3 * PAGE
"""A tenant of exactly three full pages: the end of such a listing is not believed at first."""


class _Tokens:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def token(self, resource: str) -> str:
        params = {"api-version": "2019-08-01", "resource": resource}
        answer = await self._http.get(
            f"{ORIGIN}/msi/token", params=params, headers={"X-IDENTITY-HEADER": "x"}
        )
        return str(answer.json()["access_token"])

    def forget(self, resource: str) -> None:
        """Do nothing: none is kept."""


def service(options: TenantOptions, audience: str) -> ServiceClient:
    """A service of a tenant with these options."""
    transport = httpx.ASGITransport(app=create_app(options))
    http, clock = httpx.AsyncClient(transport=transport), FakeClock()
    return ServiceClient(
        "Teams",
        ORIGIN,
        audience,
        http=http,
        tokens=_Tokens(http),
        limiter=Limiter(clock, 8),
        clock=clock,
        retries=Retries(),
        rng=random.Random(1),
        timeout=60,
    )


def client(world: World, **chosen: Any) -> TeamsClient | DocumentedTeams:
    """The client that the app has in a world. chosen: options of the tenant that differ from it."""
    given = {"users": USERS, "seed": 7, **WORLDS[world].tenant, **chosen}
    options = TenantOptions.model_validate(given)
    if world is World.DOCUMENTED:
        graph = wire.CLOUDS[Cloud.PUBLIC].graph_audience
        return DocumentedTeams(service(options, graph), FakeClock(), 3, PAGE)
    return TeamsClient(service(options, wire.TEAMS_AUDIENCE), PAGE, FakeClock())


async def listed(teams: TeamsClient | DocumentedTeams) -> dict[str, ServiceUser]:
    """The users of a listing, to its end; those of one that begins again count once."""
    found: dict[str, ServiceUser] = {}
    async for page in teams.pages():
        found = {} if page.restarts else found
        assert not {user.id for user in page.users} & found.keys()
        found |= {user.id: user for user in page.users}
    return found


@pytest.mark.parametrize("acp_info", AcpInfo)
@pytest.mark.parametrize("form", Continuation)
@pytest.mark.parametrize("world", [World.THIRD_PARTIES, World.TODAY])
async def test_every_form_of_the_listing_is_read_to_its_end(
    world: World, form: Continuation, acp_info: AcpInfo
) -> None:
    """Everybody once, however the next page is named; providers are known where they are sent."""
    found = await listed(client(world, continuation=form, acp_info=acp_info))
    assert len(found) == USERS
    assert {user.provider_known for user in found.values()} == {acp_info is AcpInfo.SENT}


async def test_the_documented_listing_is_read_to_its_end() -> None:
    """Everybody but the deleted, without a provider; some are provisioned and some are not."""
    found = await listed(client(World.DOCUMENTED))
    assert 0 < USERS - len(found) < PAGE
    assert {user.provider_known for user in found.values()} == {False}
    assert {user.ready for user in found.values()} == {True, False}
