"""No license event is missed, whatever Graph does not report; no signal is lost or unbridled."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import openpyxl
import pytest

from local.azurite.server import Azurite
from local.commands import AppHost
from local.waiting import wait_until
from tests.chaos.stage import Stage
from tests.e2e.command_line import CommandLine
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User


def license_some(tenant: Tenant, count: int = 4) -> list[User]:
    """License some users without a license, half of them on a third party."""
    chosen = [
        tenant.take(kind)
        for kind in ("unlicensed_third_party", "unlicensed")
        for _ in range(count // 2)
    ]
    for user in chosen:
        tenant.assign(user)
    return chosen


def left(tenant: Tenant) -> int:
    """How many licensed, included users are not on Microsoft."""
    count: int = tenant.totals()["licensedIncludedNotMicrosoft"]
    return count


def wait_until_moved(system: System) -> None:
    """Wait until all licensed, included users are on Microsoft and nothing is on its way."""
    wait_until(lambda: not left(system.tenant), "everybody is on Microsoft", TIME_LIMIT)
    system.wait_until_idle()


@pytest.fixture(scope="module")
def deaf(azurite_server: Azurite, folder: Path) -> Iterator[System]:
    """An app to which no notification gets, on a tenant in which everybody is on Microsoft."""
    with (
        Tenant(folder, users=150, seed=11) as tenant,
        System(azurite_server, tenant, folder) as system,
    ):
        system.wait_until_subscribed()
        tenant.control("PUT", "faults", {"notifications_lost": 1.0})
        system.sweep()
        wait_until_moved(system)
        system.host.upkeep("catch_up")
        yield system


@pytest.mark.third_parties
def test_a_catch_up_finds_everybody_whom_no_notification_told_of(deaf: System) -> None:
    """With all notifications lost, every licensed user is on Microsoft after one catch-up."""
    taken = deaf.host.messages_taken()
    licensed = license_some(deaf.tenant, 10)
    deaf.wait_until_idle()
    assert deaf.host.messages_taken() == taken, "nothing notified the app"
    assert left(deaf.tenant) >= 5
    deaf.host.upkeep("catch_up")
    wait_until_moved(deaf)
    assert {deaf.tenant.user(user["id"])["provider"] for user in licensed} == {MICROSOFT}


@pytest.mark.third_parties
@pytest.mark.parametrize("tokens", ["expire", pytest.param("reset", marks=pytest.mark.large)])
def test_a_sweep_finds_everybody_whom_the_delta_does_not_tell_of(deaf: System, tokens: str) -> None:
    """With the delta link lost as well, every licensed user is on Microsoft after the sweep."""
    licensed = license_some(deaf.tenant)
    by_hand = deaf.tenant.set_by_hand(deaf.tenant.take("microsoft"), "PGi")
    deaf.tenant.control("POST", "delta", {"tokens": tokens})
    sweeps = len(deaf.storage.rows("runs"))
    deaf.host.upkeep("catch_up")
    wait_until_moved(deaf)
    for user in [*licensed, by_hand]:
        assert deaf.tenant.user(user["id"])["provider"] == MICROSOFT
    assert len(deaf.storage.rows("runs")) == sweeps + 1
    # The new link is good: the next catch-up finds what came after it, and sweeps no more.
    license_some(deaf.tenant)
    deaf.host.upkeep("catch_up")
    wait_until_moved(deaf)
    assert len(deaf.storage.rows("runs")) == sweeps + 1


def test_a_lifecycle_notice_renews_the_subscription(deaf: System) -> None:
    """When Graph asks for it the subscription is renewed: the same one, with a later end."""
    (before,) = deaf.tenant.subscriptions()
    deaf.tenant.control("POST", f"subscriptions/{before['id']}/reauthorize")
    end = "expirationDateTime"
    wait_until(lambda: deaf.tenant.subscriptions()[0][end] > before[end], "a renewal", TIME_LIMIT)
    (after,) = deaf.tenant.subscriptions()
    assert after["id"] == before["id"]


@pytest.mark.third_parties
def test_a_subscription_that_vanished_comes_back(deaf: System) -> None:
    """A subscription that Graph has lost is made anew, and its notifications are believed."""
    (before,) = deaf.tenant.subscriptions()
    deaf.tenant.control("DELETE", f"subscriptions/{before['id']}")
    assert deaf.tenant.subscriptions() == []
    deaf.host.run("keep_subscription")
    (after,) = deaf.tenant.subscriptions()
    assert after["id"] != before["id"]
    deaf.tenant.control("DELETE", "faults")
    try:
        license_some(deaf.tenant)
        wait_until_moved(deaf)
    finally:
        deaf.tenant.control("PUT", "faults", {"notifications_lost": 1.0})


@pytest.mark.third_parties
@pytest.mark.large
def test_two_hosts_that_start_at_once_leave_one_subscription(tmp_path: Path) -> None:
    """Both look after the subscription at their start; Graph has one, and it is the app's."""
    settings = dict.fromkeys(("ACP_SUBSCRIPTION_SCHEDULE", "ACP_CATCH_UP_SCHEDULE"), NEVER)
    with Stage(tmp_path, users=30, seed=2, hosts=2, settings=settings) as stage:
        for host in stage.hosts:
            wait_until(partial(_kept, host), "the start's upkeep is done", TIME_LIMIT)
        (one,) = stage.tenant.subscriptions()
        assert one["id"] == stage.storage.subscription()["subscription_id"]


def _kept(host: AppHost) -> bool:
    return bool(host.counters("keep_subscription")["succeeded"])


def _states(system: System) -> list[str]:
    return [row["state"] for row in system.storage.rows("runs")]


@pytest.mark.third_parties
def test_more_than_the_limit_wait_by_name_until_one_command_releases_them(
    azurite_server: Azurite, tmp_path: Path
) -> None:
    """A sweep over the limit replaces nobody, and a wave of licenses no more than the limit; both are
    released by the command, and paused before it."""
    with (
        Tenant(tmp_path, users=60, seed=6) as tenant,
        System(azurite_server, tenant, tmp_path, {"ACP_GUARD_MAX_MOVES": "2"}) as system,
    ):
        acp = CommandLine(tmp_path, system.settings)
        system.wait_until_subscribed()
        system.sweep()
        (run,) = system.storage.rows("runs")
        assert (run["state"], run["count_replace"] > 2) == ("held", True)
        assert "ACP_GUARD_MAX_MOVES is 2" in run["reason"]
        assert len(system.storage.rows("held")) == run["count_replace"] == left(tenant)

        users = [tenant.take("unlicensed_third_party") for _ in range(3)]
        for user in users:
            tenant.assign(user)
        wait_until(
            lambda: len(system.storage.rows("held")) == run["count_replace"] + 1,
            "one of the three is held",
            TIME_LIMIT,
        )
        system.wait_until_idle()
        assert sum(tenant.user(user["id"])["provider"] == MICROSOFT for user in users) == 2
        listed = {row["run"]: row["upn"] for row in system.storage.rows("held")}
        assert run["RowKey"] in listed
        assert len(listed) == 2

        table = acp("held", run["RowKey"], "--output", "csv").csv
        assert len(table) == run["count_replace"]
        assert all(row["provider"] and row["country"] and row["name"] for row in table)
        page, book = tmp_path / "held.html", tmp_path / "held.xlsx"
        rows, shown, _, unknown = acp.at_once(
            ("run", run["RowKey"], "--output", "csv", "--report", str(book)),
            ("run", run["RowKey"], "--report", str(page)),
            ("held", run["RowKey"], "--output", "json"),
            ("held", "20261123T020000Z-sweep-nobody"),
        )
        named = {row["user"] for row in table}
        assert {row["user"] for row in rows.csv if row["outcome"] == "held"} == named
        assert [name for name in named if name not in shown.out + page.read_text("utf-8")] == []
        sheet = openpyxl.load_workbook(book)["Held"]
        assert {row[2] for row in sheet.iter_rows(min_row=2, values_only=True)} == named
        assert (unknown.status, "there is no such run" in unknown.err) == (2, True)

        assert acp("pause", "--note", "not before noon").status == 0
        for held in listed:
            unasked = acp("release", held)
            assert (unasked.status, "not an interactive terminal" in unasked.err) == (2, True)
            released = acp("release", held, "--yes")
            assert (released.status, "not before noon" in released.err) == (0, True)
        system.host.upkeep("releases")
        status = json.loads(acp("status", "--output", "json").out)
        assert (status["mode"], status["paused"]["note"]) == ("move", "not before noon")
        assert (status["licensed"], status["ready"] + status["waiting"] > 0, status["pilot"]) == (
            run["count_licensed"],
            True,
            False,
        )
        assert status["last_sweep"].startswith(run["RowKey"][:4])
        assert left(tenant) == run["count_replace"] + 1
        assert acp("pause", "--off").status == 0
        wait_until_moved(system)
        wait_until(lambda: not system.storage.rows("held"), "nobody is held", TIME_LIMIT)
        assert set(_states(system)) == {"finished"}
