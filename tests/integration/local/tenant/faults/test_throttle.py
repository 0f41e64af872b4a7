"""Throttling over HTTP. The tenant's clock is moved, so that nobody waits."""

from local.tenant.clock import Clock
from tests.integration.local.tenant.support import World, open_world


def stopped() -> Clock:
    """A clock that only the control API moves: nothing refills while the test reads."""
    return Clock(lambda: 1_790_000_000.0)


async def exhaust(world: World) -> int:
    """Read until refused; how many calls were answered before that."""
    call = {"method": "GET", "url": "/subscriptions"}
    body = {"requests": [{"id": str(n), **call} for n in range(20)]}
    for answered in range(200):
        answer = await world.graph("POST", "/$batch", json=body)
        statuses = [response["status"] for response in answer.json()["responses"]]
        assert answer.status_code == 200
        if 429 in statuses:
            return answered * 20 + statuses.count(200)
    raise AssertionError("never refused")


async def test_graph_is_throttled_as_published() -> None:
    """A tenant of under 50 users: 3,500 units in 10 seconds, also for the calls in batches."""
    async with open_world(users=40, graph_limits=True, clock=stopped()) as world:
        assert await exhaust(world) == 3500  # at 1 unit per call
        body = {"requests": [{"id": "1", "method": "GET", "url": "/users"}]}
        answer = await world.graph("POST", "/$batch", json=body)
        inner = answer.json()["responses"][0]
        assert (answer.status_code, inner["status"]) == (200, 429)
        assert int(inner["headers"]["Retry-After"]) >= 1
        refused = await world.graph("GET", "/users")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TooManyRequests")
        assert refused.headers["x-ms-resource-unit"] == "2"
        assert 1.0 <= float(refused.headers["x-ms-throttle-limit-percentage"]) <= 1.8
        calls = (await world.control("GET", "/counters"))["calls"]["graph"]
        assert calls["list_users"] == {"429": 2}
        await world.advance(float(refused.headers["retry-after"]))
        assert (await world.graph("GET", "/users")).status_code == 200


async def test_without_limits_the_cost_is_reported_all_the_same(world: World) -> None:
    """x-ms-resource-unit on every answer."""
    for query, units in (("", "2"), ("?$select=id", "1")):
        answer = await world.graph("GET", f"/users{query}")
        assert answer.headers["x-ms-resource-unit"] == units
        assert "x-ms-throttle-limit-percentage" not in answer.headers


async def test_teams_has_a_rate_of_its_own() -> None:
    """A burst passes, then 429 with Retry-After, then it recovers."""
    async with open_world(teams_rate=0.5, teams_burst=3, clock=stopped()) as world:
        answers = [await world.teams("GET", "/Teams.Cpc/providers") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].json()["code"] == "TooManyRequests"
        await world.advance(float(answers[3].headers["retry-after"]))
        assert (await world.teams("GET", "/Teams.Cpc/providers")).status_code == 200
