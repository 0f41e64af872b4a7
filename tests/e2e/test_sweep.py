"""The sweep: in through the timer, out through the tenant's state."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, Tenant


@pytest.fixture(scope="module")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant of 100 users; licenses take effect at once."""
    with Tenant(folder, users=100, seed=3) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tenant: Tenant, folder: Path) -> Iterator[System]:
    """The app on that tenant; no notification reaches it."""
    with System(azurite_server, tenant, folder) as system:
        yield system


@pytest.fixture(scope="module")
def reporting(azurite_server: Azurite, tenant: Tenant, folder: Path) -> Iterator[System]:
    """A second app on that tenant that may only look."""
    with System(azurite_server, tenant, folder, {"ACP_MODE": "report"}) as system:
        yield system


@pytest.mark.third_parties
def test_report_mode_tells_and_changes_nothing(reporting: System, tenant: Tenant) -> None:
    """Everybody who is ready to move is reported as would_move; no write reaches the tenant."""
    for user in [user for user in tenant.users() if user["kind"] == "microsoft"][:2]:
        tenant.set_by_hand(user, "InterCall", "BT")
    before, writes = tenant.users(), tenant.writes()
    ready = {
        user["id"]
        for user in before
        if user["licensed"] and user["included"] and user["provider"] != MICROSOFT
    }
    assert len(ready) >= 2
    with reporting.changing():
        reporting.sweep()
    assert tenant.writes() == writes
    assert tenant.users() == before
    outcomes = reporting.storage.outcomes()
    assert {user for user, what in outcomes.items() if what == "would_move"} == ready


@pytest.mark.third_parties
@pytest.mark.parametrize("provider", ["InterCall", "PGi", "BT"])
def test_licensed_users_of_a_third_party_end_on_microsoft(
    system: System, tenant: Tenant, provider: str
) -> None:
    """Everybody of one provider: licensed, saved and replaced; unlicensed, saved and left alone."""
    tenant.set_by_hand(tenant.take("microsoft"), provider)
    before = [user for user in tenant.users() if user["provider"] == provider]
    licensed = [user for user in before if user["licensed"] and user["included"]]
    others = [user for user in before if user not in licensed]
    unlicensed = [user for user in others if user["kind"] == "unlicensed_third_party"]
    assert licensed
    assert unlicensed
    system.sweep()
    after = {user["id"]: user for user in tenant.users()}
    assert {after[user["id"]]["provider"] for user in licensed} == {MICROSOFT}
    assert [after[user["id"]] for user in others] == others
    for user in licensed + unlicensed:
        assert user["entries"] in system.storage.saved(user["id"])


def test_a_sweep_leaves_nobody_behind_and_nobody_excluded_changed(
    system: System, tenant: Tenant
) -> None:
    """After one sweep all licensed, included users are on Microsoft, all others as they were."""
    before = [user for user in tenant.users() if not (user["licensed"] and user["included"])]
    system.sweep()
    totals = tenant.totals()
    assert (totals["licensedIncludedNotMicrosoft"], totals["excludedChanged"]) == (0, 0)
    assert [tenant.user(user["id"]) for user in before] == before
    assert system.storage.poisoned() == []


@pytest.mark.third_parties
def test_a_provider_set_back_by_hand_is_found_by_the_next_sweep(
    system: System, tenant: Tenant
) -> None:
    """No notification reports it: the next sweep moves just that user, and saves the new entries."""
    system.sweep()
    user = tenant.take("third_party")
    earlier = system.storage.saved(user["id"])
    back = tenant.set_by_hand(user, "BT")
    assert back["provider"] == "BT"
    with system.changing(user):
        system.sweep()
    assert tenant.user(user["id"])["provider"] == MICROSOFT
    saved = system.storage.saved(user["id"])
    assert len(saved) == len(earlier) + 1
    assert back["entries"] in saved


def test_a_second_sweep_changes_nothing(system: System, tenant: Tenant) -> None:
    """The effect is the same however often the sweep runs."""
    system.sweep()
    saved, writes = system.storage.all_saved(), tenant.writes()
    with system.changing():
        system.sweep()
    assert tenant.writes() == writes
    assert system.storage.all_saved() == saved


@pytest.mark.third_parties
def test_the_timer_that_resumes_sweeps_does_not_join_a_running_one(
    system: System, tenant: Tenant
) -> None:
    """Ticks while a sweep runs: the sweep ends well, its user is moved once."""
    user = tenant.take("third_party")
    tenant.set_by_hand(user, "PGi")
    runs = {run["RowKey"] for run in system.storage.rows("runs")}
    with ThreadPoolExecutor(5) as pool, system.changing(user):
        sweep = pool.submit(system.sweep)
        while not sweep.done():
            for tick in [pool.submit(system.host.upkeep, "sweep") for _ in range(4)]:
                tick.result()
        sweep.result()
    states = [row["state"] for row in system.storage.rows("runs") if row["RowKey"] not in runs]
    assert states == ["finished"]
