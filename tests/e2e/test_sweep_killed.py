"""A sweep whose host is killed repeatedly resumes where it was."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.proxy import Forward, Proxy, Reply, Request
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, Tenant

pytestmark = pytest.mark.third_parties

MOVES = 600.0
"""Seconds that moving thousands of users may take."""


class PageKiller:
    """The rule of a proxy before Teams: the host is killed at some pages that it reads.

    at: the numbers of those reads. The service answers them, but the host gets no answer.
    """

    def __init__(self, *at: int) -> None:
        self.at = at
        self.reads: Counter[str] = Counter()
        self.system: System | None = None
        self.killed = threading.Semaphore(0)

    def __call__(self, request: Request, forward: Forward) -> Reply:
        """Pass on; kill where it is time."""
        if not (request.method == "GET" and "/Teams.User/users?" in request.target):
            return forward(request)
        self.reads[request.target] += 1
        reply = forward(request)
        if self.reads.total() in self.at and self.system:
            self.system.host.kill()
            self.killed.release()
        return reply


@pytest.mark.large
@pytest.mark.parametrize(
    ("users", "page", "kills"),
    [
        pytest.param(120, 10, (2, 6, 10), id="120 users"),
        pytest.param(20_000, 1000, (2, 10, 18), id="20,000 users"),
    ],
)
def test_a_sweep_killed_three_times_reads_no_page_more_than_once_more(
    azurite_server: Azurite, tmp_path: Path, users: int, page: int, kills: tuple[int, ...]
) -> None:
    """It resumes from its last page: one page is read twice for each kill, and all users are done."""
    rule = PageKiller(*kills)
    settings = {"ACP_PAGE_SIZE": str(page), "ACP_GUARD_MAX_MOVES": str(users)}
    settings |= {"ACP_SWEEP_LEASE_SECONDS": "1", "ACP_HOST_MESSAGE_LEASE_SECONDS": "2"}
    with (
        Tenant(tmp_path, users=users, seed=4) as tenant,
        Proxy(tenant.origin, rule) as proxy,
        System(
            azurite_server, tenant, tmp_path, {**settings, "ACP_TEAMS_URL": proxy.origin}
        ) as system,
    ):
        rule.system = system
        system.host.begin("sweep_providers")
        for _ in kills:
            assert rule.killed.acquire(timeout=TIME_LIMIT)
            system.host.start()
        wait_until(lambda: _runs(system) == ["finished"], "one sweep, finished", TIME_LIMIT)
        pages = -(-users // page)
        assert len(rule.reads) == pages
        assert rule.reads.total() == pages + len(kills)
        assert max(rule.reads.values()) <= 1 + len(kills)
        wait_until(
            lambda: not tenant.totals()["licensedIncludedNotMicrosoft"],
            "everybody is on Microsoft",
            MOVES,
        )


def _runs(system: System) -> list[str]:
    return [row["state"] for row in system.storage.rows("runs")]
