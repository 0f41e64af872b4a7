"""Token buckets, costs, and slow webhooks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tenant.exchange import Answer, Call, Route, Routes, read_query
from local.tenant.faults.throttle import Bucket, GraphLimits, cost_of, graph_limit
from local.tenant.notifications.endpoint_health import EndpointHealth


@pytest.mark.parametrize(
    ("users", "limit"), [(1, 3500), (49, 3500), (50, 5000), (500, 5000), (501, 8000)]
)
def test_the_limit_follows_the_tenants_size(users: int, limit: int) -> None:
    """Under 50, up to 500, above."""
    assert graph_limit(users) == limit


def route_of(method: str, path: str, units: int = 1) -> Route:
    """A route with that address."""
    routes = Routes()
    routes.add(method, path, "x", lambda _: Answer(), units)
    route, _, _ = routes.find(method, path)
    assert route is not None
    return route


def call(query: str = "", **headers: str) -> Call:
    """A call with that query."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("GET", "/users", read_query(query, odata=True), names, b"", "http://x")


@pytest.mark.parametrize(
    ("units", "query", "cost"),
    [
        (2, "", 2),
        (2, "$select=id", 1),
        (2, "$top=19", 1),
        (2, "$top=20", 2),
        (2, "$select=id&$top=5", 1),
        (1, "$select=id", 1),
        (3, "", 3),
        (1, "$expand=manager", 2),
        (0, "$select=id", 0),
    ],
)
def test_costs(units: int, query: str, cost: int) -> None:
    """$select and a small page make a call cheaper, $expand dearer; at least 1 unit."""
    assert cost_of(call(query), route_of("GET", "/users", units)) == cost


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 50)), max_size=60))
def test_a_bucket_never_gives_more_than_it_holds(steps: list[tuple[float, int]]) -> None:
    """Over any sequence: what is granted fits the capacity plus what has flowed in."""
    bucket, now, granted = Bucket(100, 10, 0.0), 0.0, 0
    for elapsed, cost in steps:
        now += elapsed
        granted += cost if bucket.take(cost, now) is None else 0
    assert granted <= 100 + 10 * now + 1e-6


@given(st.integers(1, 300))
def test_waiting_as_long_as_told_is_enough(refused: int) -> None:
    """However often one was refused, the wait of the last refusal is the one that counts."""
    bucket = Bucket(100, 10, 0.0)
    wait = None
    for _ in range(100 + refused):
        wait = bucket.take(1, 0.0)
    assert wait is not None
    assert bucket.take(1, float(wait)) is None


def test_refused_calls_count_too() -> None:
    """Hammering makes the wait longer, up to 1.8 of the limit."""
    bucket = Bucket(100, 10, 0.0)
    waits = [bucket.take(50, 0.0) for _ in range(6)]
    assert waits[:2] == [None, None]
    assert waits[2:] == [10, 13, 13, 13]
    assert bucket.used(0.0) == pytest.approx(1.8)


def test_limits_can_be_off() -> None:
    """Then nothing is refused, and the cost is reported all the same."""
    limits = GraphLimits(on=False, users=10, now=0.0)
    route = route_of("GET", "/users", 2)
    assert {limits.charge(call(), route, 0.0)[0] for _ in range(5000)} == {None}
    assert limits.charge(call(), route, 0.0)[1] == {"x-ms-resource-unit": "2"}


def test_the_percentage_is_told_near_the_limit_only() -> None:
    """From 0.8 on."""
    limits = GraphLimits(on=True, users=10, now=0.0)
    route = route_of("GET", "/users", 2)
    name = "x-ms-throttle-limit-percentage"
    seen = [limits.charge(call(), route, 0.0)[1].get(name) for _ in range(1400)]
    assert seen[:1399] == [None] * 1399
    assert seen[1399] == "0.80"


def test_low_priority_is_refused_first() -> None:
    """Sweeps give way: they are refused while other calls still pass."""
    limits = GraphLimits(on=True, users=10, now=0.0)
    route = route_of("GET", "/users", 2)
    for _ in range(1500):
        limits.charge(call(), route, 0.0)
    low = limits.charge(call(x_ms_throttle_priority="low"), route, 0.0)
    assert low[0] is not None
    assert limits.charge(call(), route, 0.0)[0] is None


def test_writes_have_a_limit_of_their_own() -> None:
    """3,000 in 150 seconds."""
    limits = GraphLimits(on=True, users=501, now=0.0)
    route = route_of("POST", "/users/x/assignLicense")
    waits = [limits.charge(call(), route, 0.0)[0] for _ in range(3001)]
    assert waits[:3000] == [None] * 3000
    wait, headers = limits.charge(call(), route, 0.0)
    assert wait is not None
    assert headers["x-ms-throttle-information"] == "WriteLimitExceeded"


@pytest.mark.parametrize(
    ("slow", "of", "is_slow", "dropped"),
    [
        (99, 99, False, False),
        (10, 100, False, False),
        (11, 100, True, False),
        (16, 100, True, True),
    ],
)
def test_slow_webhooks(slow: int, of: int, is_slow: bool, dropped: bool) -> None:
    """More than 10 % slow answers delay, more than 15 % drop; a few answers say nothing."""
    health = EndpointHealth()
    for number in range(of):
        health.answered("http://a/b", 3.0 if number < slow else 0.1, 0.0)
    assert health.is_slow("http://a/other", 0.0) is is_slow
    assert health.is_dropped("http://a/b", 0.0) is dropped
    assert not health.is_slow("http://elsewhere/b", 0.0)
    assert not health.is_dropped("http://a/b", 601.0)
