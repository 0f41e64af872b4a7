"""Throttling: Graph's published token buckets, and one for the Teams admin API.

Source: https://learn.microsoft.com/graph/throttling-limits, identity and access service limits:
per application and tenant 3,500, 5,000 or 8,000 resource units per 10 seconds, by the tenant's
size, and 3,000 writes per 150 seconds. For Teams nothing is published; its bucket is ours.
"""

import math

from local.tenant.exchange import Call, Route

GRAPH_WINDOW_SECONDS = 10.0
WRITES = 3000.0
WRITE_WINDOW_SECONDS = 150.0
_SMALL_TENANT, _MEDIUM_TENANT = 50, 500
_SMALL_PAGE = 20
# How far refused calls can overdraw a bucket: x-ms-throttle-limit-percentage ends at 1.8.
_OVERDRAFT = 0.8
# Above this share of use the header is sent, and calls of low priority are refused.
_WARN_AT = 0.8


class Bucket:
    """A token bucket that refills evenly. Refused calls take tokens as well, as in Graph."""

    def __init__(self, capacity: float, window_seconds: float, now: float) -> None:
        self.capacity = capacity
        self._per_second = capacity / window_seconds
        self._tokens = capacity
        self._at = now

    def take(self, cost: float, now: float, *, reserve: float = 0.0) -> int | None:
        """Take `cost` tokens at a time in seconds.

        None when they were there, else the whole seconds to wait. `reserve` tokens are left for
        more important calls.
        """
        self._refill(now)
        lacking = cost + reserve - self._tokens
        self._tokens = max(self._tokens - cost, -_OVERDRAFT * self.capacity)
        if lacking <= 0:
            return None
        return max(1, math.ceil((cost + reserve - self._tokens) / self._per_second))

    def used(self, now: float) -> float:
        """The share of the limit in use, from 0 to 1.8."""
        self._refill(now)
        return 1 - self._tokens / self.capacity

    def _refill(self, now: float) -> None:
        elapsed = max(0.0, now - self._at)
        self._tokens = min(self.capacity, self._tokens + elapsed * self._per_second)
        self._at = now


def graph_limit(users: int) -> float:
    """Resource units per 10 seconds for a tenant of so many users."""
    if users < _SMALL_TENANT:
        return 3500.0
    return 5000.0 if users <= _MEDIUM_TENANT else 8000.0


def cost_of(call: Call, route: Route) -> int:
    """Resource units: the route's, one less with $select or a small page, one more with $expand.

    At least 1, except for the batch itself, whose calls are charged one by one.
    """
    if route.units == 0:
        return 0
    units = route.units
    units -= "$select" in call.query
    units += "$expand" in call.query
    top = call.query.get("$top", "")
    units -= top.isdecimal() and int(top) < _SMALL_PAGE
    return max(1, units)


class GraphLimits:
    """Charges Graph calls. Without limits it only reports what each call costs."""

    def __init__(self, *, on: bool, users: int, now: float) -> None:
        self._on = on
        self._reads = Bucket(graph_limit(users), GRAPH_WINDOW_SECONDS, now)
        self._writes = Bucket(WRITES, WRITE_WINDOW_SECONDS, now)

    def charge(self, call: Call, route: Route, now: float) -> tuple[int | None, dict[str, str]]:
        """The seconds to wait if the call is refused, and the headers for either answer."""
        cost = cost_of(call, route)
        headers = {"x-ms-resource-unit": str(cost)} if cost else {}
        if not self._on or cost == 0:
            return None, headers
        low = call.headers.get("x-ms-throttle-priority", "").lower() == "low"
        reserve = (1 - _WARN_AT) * self._reads.capacity if low else 0.0
        wait = self._reads.take(cost, now, reserve=reserve)
        reason = "ResourceUnitLimitExceeded"
        if route.write:
            write_wait = self._writes.take(1, now)
            if write_wait is not None and (wait is None or write_wait > wait):
                wait, reason = write_wait, "WriteLimitExceeded"
        used = self._reads.used(now)
        if used >= _WARN_AT:
            headers["x-ms-throttle-limit-percentage"] = f"{used:.2f}"
        if wait is not None:
            headers["Retry-After"] = str(wait)
            headers["x-ms-throttle-information"] = reason
            headers["x-ms-throttle-scope"] = "Tenant_Application/ReadWrite"
        return wait, headers
