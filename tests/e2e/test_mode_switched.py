"""Rule 8 for real: what a report queued changes nobody, whatever the mode is by then."""

import threading
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.proxy import Forward, Proxy, Reply, Request, let_through
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant

pytestmark = pytest.mark.third_parties


class Gate:
    """The rule of a proxy before Teams: no single user is answered until the gate opens."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, request: Request, forward: Forward) -> Reply:
        """Hold the reads of single users."""
        if request.method == "GET" and "/Teams.User/users/" in request.target:
            self.waiting.release()
            self.open.wait(TIME_LIMIT)
        return forward(request)


@pytest.mark.large
def test_a_full_queue_of_a_report_moves_nobody(azurite_server: Azurite, folder: Path) -> None:
    """A report's sweep queues its users, then the mode is `move`: only the next sweep moves them."""
    gate = Gate()
    with Tenant(folder, users=160, seed=41) as tenant, Proxy(tenant.origin, gate) as teams:
        settings = {
            "ACP_MODE": "report",
            "ACP_TEAMS_URL": teams.origin,
            "ACP_RECHECK_SCHEDULE": NEVER,
            "ACP_GUARD_MAX_MOVES": "1000",
            "ACP_HOST_MESSAGE_LEASE_SECONDS": "2",
        }
        with System(azurite_server, tenant, folder, settings) as system:
            ready = {
                user["id"]
                for user in tenant.users()
                if user["licensed"]
                and user["included"]
                and user["provisioned"]
                and user["provider"] != MICROSOFT
            }
            assert len(ready) >= 30
            system.host.run("sweep_providers")
            assert gate.waiting.acquire(timeout=TIME_LIMIT)
            system.host.kill()
            assert system.storage.outcomes().keys().isdisjoint(ready)
            teams.rule = let_through
            gate.open.set()

            system.host.start(ACP_MODE="move")
            wait_until(
                lambda: ready <= system.storage.outcomes().keys(), "all were looked at", TIME_LIMIT
            )
            system.wait_until_idle()
            outcomes = system.storage.outcomes()
            assert {outcomes[user] for user in ready} == {"would_move"}
            assert tenant.writes() == 0
            assert ready.isdisjoint({change["user"] for change in tenant.changes()})

            system.sweep()
            outcomes = system.storage.outcomes()
            assert {outcomes[user] for user in ready} == {"moved"}
