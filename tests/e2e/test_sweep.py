"""The sweep: in through the timer, out through the tenant's state."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from openpyxl import load_workbook

from local.azurite.server import Azurite
from local.errors import LocalError
from local.waiting import wait_until
from tests.e2e.command_line import CommandLine
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant


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


@pytest.mark.third_parties
@pytest.mark.large
def test_a_run_is_true_after_a_sweep_under_many_503s(
    system: System, tenant: Tenant, folder: Path
) -> None:
    """55 % of all calls fail, then none: run, counts, report and exit code agree with the tenant.

    Of each user by name. A set that was answered with 503 keeps others away from its user for two minutes.
    """
    acp = CommandLine(folder / "sweep-503", system.settings)
    for user in [user for user in tenant.users() if user["licensed"] and user["included"]][:30]:
        tenant.set_by_hand(user, "BT")
    before = {user["id"]: user for user in tenant.users()}
    ready = {
        user
        for user, each in before.items()
        if each["licensed"] and each["included"] and each["provider"] != MICROSOFT
    }
    runs = {run["RowKey"] for run in system.storage.rows("runs")}
    tenant.control("PUT", "faults", {"errors_503": 0.55})

    def swept() -> bool:
        with suppress(LocalError):  # the listing fails, too: the sweep is continued
            system.host.run("sweep_providers")
            return True
        return False

    wait_until(swept, "the sweep has read all users", TIME_LIMIT)
    run = max({row["RowKey"] for row in system.storage.rows("runs")} - runs)

    def failed() -> bool:
        results = [row for row in system.storage.rows("runresults") if row["PartitionKey"] == run]
        return any(row["outcome"] == "failed" for row in results)

    wait_until(failed, "a user fails", TIME_LIMIT)
    tenant.control("DELETE", "faults")
    followed = acp("run", run, "--until-settled", "--output", "json")
    after = {user["id"]: user for user in tenant.users()}
    truth = {
        user: "moved" if each["provider"] == MICROSOFT and each["sets"] else "not moved"
        for user, each in after.items()
        if user in ready
    }
    assert truth == dict.fromkeys(ready, "moved")
    assert {user for user in after if after[user] != before[user]} == ready, (
        "nobody else was changed"
    )
    assert (followed.status, followed.outcomes) == (0, truth)
    again = acp("run", run, "--output", "json", "--report", "run.xlsx")
    assert (again.status, again.json) == (0, followed.json)
    row = system.storage.row("runs", run)
    assert row
    counts = {
        name: row.get(f"count_{name}", 0) for name in ("moved", "waiting", "failed", "skipped")
    }
    assert counts == {"moved": len(ready), "waiting": 0, "failed": 0, "skipped": 0}
    assert (row["exact_state"], row["count_queued"]) == ("finished", len(ready))
    sheets = load_workbook(acp.folder / "run.xlsx")
    told = {
        sheet.title: {line[-1] for line in sheet.iter_rows(min_row=2, values_only=True)}
        for sheet in sheets
    }
    assert told["Moved"] == ready
    assert told["Failed"] == told["Waiting"] == told["Skipped"] == told["Held"] == set()
