"""SIGKILL in the middle of a wave of licenses: it ends as if nothing had happened."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from shared.domain.claim import HELD_FOR
from tests.e2e.proxy import Forward, Proxy, Reply, Request, let_through
from tests.e2e.system import EVERY_SECOND, NEVER, System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User

pytestmark = pytest.mark.third_parties

USERS, SEED, LAG = 90, 7, 1

_AFTER_A_KILL = 3 * HELD_FOR.total_seconds()
"""A killed host's claims keep their users for HELD_FOR; then they come again, with pauses that double."""

Ending = dict[str, Any]


def start_wave(tenant: Tenant) -> list[User]:
    """License some who have no license; touch others who must, or must not, be moved."""
    kinds = {"unlicensed_third_party": 14, "unlicensed": 12, "third_party": 26, "no_provider": 2}
    tempting = {"room": 3, "resource": 1, "guest": 3, "suspended": 1, "on_premises": 1}
    wave = [u for kind, n in (kinds | tempting).items() for u in _some(tenant, kind, n)]
    for user in wave:
        if user["kind"].startswith("unlicensed"):
            tenant.assign(user)
        else:
            tenant.nudge(user)
    return wave


def _some(tenant: Tenant, kind: str, at_most: int) -> list[User]:
    return [user for user in tenant.users() if user["kind"] == kind][:at_most]


def wait_for_the_end(system: System) -> Ending:
    """Wait until everybody who must be is on Microsoft; return all that must be the same then."""
    system.tenant.wait_until_delivered()
    wait_until(
        lambda: system.tenant.totals()["licensedIncludedNotMicrosoft"] == 0,
        "all licensed, included users are on Microsoft",
        _AFTER_A_KILL,
    )
    system.wait_until_idle()
    wait_until(lambda: not system.storage.rows("waiting"), "nobody waits", TIME_LIMIT)
    users = system.tenant.users()
    return {
        "providers": {u["id"]: (u["provider"], u["licensed"], u["planStatus"]) for u in users},
        "others' entries": {u["id"]: u["entries"] for u in users if u["provider"] != MICROSOFT},
        "saved": system.storage.all_saved(),
        "excluded changed": system.tenant.totals()["excludedChanged"],
    }


class Killer:
    """The rule of a proxy before Teams: at the write number `at`, the host is killed.

    after: whether the service still takes that write; the host gets no answer either way.
    From that write on no other reaches the service. The kill waits for `go`, and for Graph to have
    delivered its notifications.
    """

    def __init__(self, system: System, *, at: int, after: bool) -> None:
        self._system = system
        self._at = at
        self._after = after
        self._writes = 0
        self._lock = threading.Lock()
        self.go = threading.Event()
        self.killed = threading.Event()

    def __call__(self, request: Request, forward: Forward) -> Reply:
        """Pass on, or kill."""
        if request.method != "PUT":
            return forward(request)
        with self._lock:
            self._writes += 1
            number = self._writes
        if number < self._at:
            return forward(request)
        if number == self._at:
            if self._after:
                forward(request)
            assert self.go.wait(TIME_LIMIT)
            self._system.tenant.wait_until_delivered()
            self._system.host.kill()
            self.killed.set()
        self.killed.wait(TIME_LIMIT)
        return NO_ANSWER


NO_ANSWER = Reply(502, {}, b"")


@pytest.fixture(scope="module")
def uninterrupted(azurite_server: Azurite, folder: Path) -> Ending:
    """The end of the same wave in the same tenant when nobody is killed."""
    with (
        Tenant(folder, users=USERS, seed=SEED, lag=LAG) as tenant,
        System(azurite_server, tenant, folder) as system,
    ):
        system.wait_until_subscribed()
        start_wave(tenant)
        return wait_for_the_end(system)


@pytest.fixture(scope="module")
def teams(folder: Path) -> Iterator[tuple[Tenant, Proxy]]:
    """A tenant, and a proxy on the way to its Teams service."""
    with (
        Tenant(folder, users=USERS, seed=SEED, lag=LAG) as tenant,
        Proxy(tenant.origin) as proxy,
    ):
        yield tenant, proxy


@pytest.mark.large  # two minutes: the claims of the killed hosts have to run out
def test_a_wave_that_is_killed_twice_ends_like_one_that_is_not(
    azurite_server: Azurite, folder: Path, teams: tuple[Tenant, Proxy], uninterrupted: Ending
) -> None:
    """SIGKILL after a write whose answer the host does not get, and again before one that it saved for."""
    tenant, proxy = teams
    settings = {
        "ACP_TEAMS_URL": proxy.origin,
        "ACP_HOST_MESSAGE_LEASE_SECONDS": "2",
        "ACP_RECHECK_SCHEDULE": NEVER,
    }
    with System(azurite_server, tenant, folder, settings) as system:
        system.wait_until_subscribed()
        first = proxy.rule = Killer(system, at=8, after=True)
        wave = start_wave(tenant)
        first.go.set()
        assert first.killed.wait(TIME_LIMIT)
        assert 0 < _moved(tenant, wave) < len(wave), "the kill came in the middle"

        second = proxy.rule = Killer(system, at=8, after=False)
        second.go.set()
        system.host.start()
        assert second.killed.wait(TIME_LIMIT)
        halfway = _moved(tenant, wave)
        assert 0 < halfway < len(wave), "and so did the second one"
        assert len(system.storage.all_saved()) > 0

        proxy.rule = let_through
        system.host.start(ACP_RECHECK_SCHEDULE=EVERY_SECOND)
        ending = wait_for_the_end(system)

        assert ending == uninterrupted
        assert ending["excluded changed"] == 0
        assert _moved(tenant, wave) > halfway
        replaced = {c["user"] for c in tenant.changes() if c["action"] == "replaced"}
        originals = {user["id"]: user["original_entries"] for user in tenant.users()}
        assert replaced == {user["id"] for user in wave if "third_party" in user["kind"]}
        assert ending["saved"] == {user: [originals[user]] for user in replaced}


def _moved(tenant: Tenant, wave: list[User]) -> int:
    now = {user["id"]: user for user in tenant.users()}
    return sum(now[user["id"]]["sets"] for user in wave)
