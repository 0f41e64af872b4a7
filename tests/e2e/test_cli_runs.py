"""`acp` and runs that take longer: interrupted by Ctrl-C and resumed, held and released."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.command_line import CommandLine, ended
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User

SETTINGS = {"ACP_RECHECK_SCHEDULE": NEVER, "ACP_GUARD_MAX_MOVES": "0"}


@pytest.fixture(scope="module")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant with more third-party users than are moved at once."""
    with Tenant(folder, users=240, seed=21) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tenant: Tenant, folder: Path) -> Iterator[System]:
    """The deployed app, which does nothing by itself here and holds every sweep."""
    with System(azurite_server, tenant, folder, SETTINGS) as system:
        yield system


@pytest.fixture(scope="module")
def acp(system: System, folder: Path) -> CommandLine:
    """The command with that app's settings."""
    return CommandLine(folder / "cli-runs", system.settings)


@pytest.mark.third_parties
@pytest.mark.large
def test_an_interrupted_move_goes_on(system: System, acp: CommandLine, tenant: Tenant) -> None:
    """Ctrl-C in the middle of all third-party users, then --resume: each of them is set once."""
    ready = [u for u in tenant.users() if u["licensed"] and u["included"] and on_third_party(u)]
    with system.changing(*ready):
        process = acp.started(
            "move", "--all-third-party", "--yes", "--expect", "240", "--output", "csv"
        )
        run, err = interrupt(process, tenant)
        assert process.returncode == 130
        assert f"resume with: acp move --resume {run}" in err
        assert err.count("Stopping:") == 1
        left = [user for user in ready if on_third_party(tenant.user(user["id"]))]
        assert 0 < len(left) < len(ready)
        followed = acp("run", run, "--follow", "--output", "json")
        assert "interrupted" in followed.err
        done = [user for user, outcome in followed.outcomes.items() if outcome == "moved"]
        assert len(done) == len(ready) - len(left)
        resumed = acp("move", "--resume", run, "--output", "json")
    assert resumed.status == 0, "unlicensed users are among them, whom nobody named"
    assert f"{run} finished" in resumed.err
    moved = [user for user, outcome in resumed.outcomes.items() if outcome == "moved"]
    assert sorted(moved) == sorted(user["id"] for user in ready)
    for user in ready:
        after = tenant.user(user["id"])
        assert (after["provider"], after["sets"]) == (MICROSOFT, user["sets"] + 1)
        assert user["entries"] in system.storage.saved(user["id"])


@pytest.mark.third_parties
@pytest.mark.large
def test_a_held_sweep_is_released(system: System, acp: CommandLine, tenant: Tenant) -> None:
    """`acp run` says why it is held, `--resume` leaves it alone, and `release` lets it move its users."""
    user = tenant.take("microsoft")
    tenant.set_by_hand(user, "BT")
    system.sweep()  # who is held is on the list by then, which a release of all takes
    ready = [u for u in tenant.users() if u["licensed"] and u["included"] and on_third_party(u)]
    held = next(row["RowKey"] for row in system.storage.rows("runs") if row["state"] == "held")
    shown, refused, unknown = acp.at_once(
        ("run", held), ("move", "--resume", held), ("release", "../x")
    )
    assert shown.status == 1
    assert f"{held} held, began " in shown.err
    assert refused.status == 2
    assert "is a sweep" in refused.err
    assert unknown.status == 2
    assert "no such run" in unknown.err
    with system.changing(*ready):
        assert acp("release", held, "--yes").status == 0
        system.host.upkeep("releases")
        system.wait_for(user, "moved")


@pytest.mark.large
def test_two_thousand_users_of_a_file(azurite_server: Azurite, folder: Path) -> None:
    """Ctrl-C in the middle of 2,000 users, then --resume: each has one result, and is set at most once."""
    with (
        Tenant(folder, users=2_000, seed=9) as tenant,
        System(azurite_server, tenant, folder, SETTINGS) as system,
    ):
        acp = CommandLine(folder / "cli-2000", system.settings)
        users = [user for user in tenant.users() if not user["deleted"]]
        lines = ["UPN", *(user["userPrincipalName"] for user in users)]
        (acp.folder / "users.csv").write_text("\n".join(lines), encoding="utf-8")
        ready = {
            user["id"]
            for user in users
            if user["licensed"] and user["included"] and user["provider"] != MICROSOFT
        }
        process = acp.started("move", "--csv", "users.csv", "--yes", "--expect", "2000")
        run, _ = interrupt(process, tenant)
        assert process.returncode == 130
        done = {user["id"] for user in tenant.users() if user["sets"]}
        assert 0 < len(done & ready) < len(ready)
        resumed = acp("move", "--resume", run, "--output", "json")
        assert f"{run} finished" in resumed.err
        assert len(resumed.json) == len(resumed.outcomes) == len(users)
        assert {u for u, outcome in resumed.outcomes.items() if outcome == "moved"} == ready
        before = {user["id"]: user["sets"] for user in users}
        sets = {u["id"]: u["sets"] - before[u["id"]] for u in tenant.users() if u["id"] in before}
        assert {user for user, count in sets.items() if count} == ready
        assert max(sets.values()) == 1


def on_third_party(user: User) -> bool:
    """Whether somebody other than Microsoft is the user's provider."""
    return user["provider"] not in (None, MICROSOFT)


def interrupt(process: subprocess.Popen[bytes], tenant: Tenant) -> tuple[str, str]:
    """Press Ctrl-C when the first user is set; return the run and what else is on standard error."""
    assert process.stderr is not None
    line = b""
    while not line.startswith(b"run "):
        line = process.stderr.readline()
        assert line, "the command ended without a run"
    faults = f"{tenant.origin}/_tenant/faults"
    writes = tenant.writes()
    # Slow answers leave time to press the keys before everybody is moved.
    httpx.put(faults, json={"slow_answers": 1.0, "slow_seconds": 0.5}, trust_env=False)
    wait_until(lambda: tenant.writes() > writes, "the first user is set", TIME_LIMIT)
    process.send_signal(signal.SIGINT)
    httpx.delete(faults, trust_env=False)
    return line.decode().split()[1], ended(process).err
