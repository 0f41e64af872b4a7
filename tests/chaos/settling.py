"""After the storm: the clock moves on, one catch-up and one sweep run, and everything comes to rest."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import httpx

from local.errors import WaitError
from local.waiting import wait_until
from tests.chaos.administrator import Administrator
from tests.chaos.misfortune import set_back
from tests.chaos.plan import Plan
from tests.chaos.stage import Stage
from tests.e2e.tenant import MICROSOFT

_HOURS_LATER: Final = 3_600.0
_LIMIT: Final = 300.0
"""Seconds that each step may take; then the rules are checked on what there is."""

_PAGE_CLAIM: Final = 600.0
"""Seconds for which a page of a request belongs to a host that was killed."""


def settle(stage: Stage, plan: Plan, administrator: Administrator) -> tuple[float, list[str]]:
    """Bring everything to rest; return the seconds until all users were, and what came too late."""
    began = time.monotonic()
    late: list[str] = []

    def step(what: str, condition: Callable[[], object], limit: float = _LIMIT) -> None:
        try:
            wait_until(condition, what, limit)
        except WaitError as error:
            late.append(str(error))

    step("the queue is empty", lambda: _quiet(stage))
    calm = datetime.now(UTC)
    set_back(stage, plan, administrator)
    stage.tenant.advance(_HOURS_LATER)
    step("catch_up succeeds", lambda: _runs(stage, "run_upkeep", "catch_up"))
    step("a sweep that began now has finished", lambda: _swept(stage, calm))
    step("everybody is at rest", lambda: _quiet(stage) and not unsettled(stage))
    step(
        "the poison queue is recorded",
        lambda: _runs(stage, "run_upkeep", "poison") and _clean(stage),
    )
    convergence = time.monotonic() - began
    step("Graph has the app's one subscription", lambda: _subscribed(stage))
    step("what was requested has ended", lambda: _ended(stage), _PAGE_CLAIM + _LIMIT)
    return convergence, late


def unsettled(stage: Stage) -> list[str]:
    """The licensed, included users who are neither on Microsoft nor on the attention list."""
    excluded = {user["id"] for user in stage.excluded}
    attention = {
        row["RowKey"]
        for row in stage.storage.rows("waiting")
        if row["PartitionKey"] == "attention" and row["reason"]
    }
    return [
        user["id"]
        for user in stage.tenant.users()
        if user["licensed"]
        and user["included"]
        and user["provider"] != MICROSOFT
        and user["id"] not in attention
        and user["id"] not in excluded
    ]


def _quiet(stage: Stage) -> bool:
    """Nothing is on its way: no notification, no message, none being worked on."""
    return bool(stage.tenant.counters()["idle"]) and not stage.storage.queued()


def _ended(stage: Stage) -> bool:
    runs = stage.storage.rows("runs")
    return all(row["state"] == "finished" for row in runs if row["cause"] == "request")


def _clean(stage: Stage) -> bool:
    return not stage.storage.poisoned()


def _subscribed(stage: Stage) -> bool:
    row = stage.storage.row("state", "subscription")
    return [each["id"] for each in stage.tenant.subscriptions()] == [row and row["subscription_id"]]


def _runs(stage: Stage, function: str, given: str = "") -> bool:
    """Run a function of the first host now; whether it succeeded. given: a queue message."""
    url = f"{stage.hosts[0].origin}/admin/functions/{function}"
    try:
        answer = httpx.post(
            url, params={"wait": "true"}, json={"input": given}, timeout=60, trust_env=False
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def _swept(stage: Stage, since: datetime) -> bool:
    """Sweep, until one that began after `since` has finished: the first may end an older one."""
    _runs(stage, "sweep_providers")
    return any(
        row["state"] == "finished" and row["started_at"] >= since
        for row in stage.storage.rows("runs")
    )
