"""Rollback for real: version 6a26332 takes over the tables and queues that this version filled, and back."""

import base64
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.azurite.server import Azurite
from local.commands import ROOT
from local.waiting import wait_until
from tests.e2e.host import Host
from tests.e2e.system import IMPATIENT, System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User

BEFORE = "6a26332"
LAG = 600

pytestmark = pytest.mark.large


class OldHost(Host):
    """A host of the version before, run by that version's own code, in place of `host`."""

    def __init__(self, code: Path, folder: Path, host: Host) -> None:
        port = httpx.URL(host.origin).port or 0
        settings = {**host.settings, "ACP_SWEEP_MAX_MOVES": "1000"}
        super().__init__(folder / "before", code, settings, port=port)
        self._folder = code


@pytest.fixture(scope="module")
def code(folder: Path) -> Path:
    """The code of the version before, from the history of this checkout."""
    found = subprocess.run(
        ["git", "archive", BEFORE],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"the history has no {BEFORE}: a shallow clone, or no checkout")
    where = folder / "code-before"
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(where, filter="data")
    host = json.loads((where / "host.json").read_text(encoding="utf-8"))
    host["extensions"]["queues"] |= IMPATIENT
    (where / "host.json").write_text(json.dumps(host), encoding="utf-8")
    return where


def run_of(host: Host, body: dict[str, Any]) -> str:
    """Begin a run over HTTP; return its id."""
    answer = host.http.post("/api/moves", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def shown(host: Host, path: str) -> dict[str, Any]:
    """What the API answers."""
    answer = host.http.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def outcomes(host: Host, run: str) -> dict[str, str]:
    """The outcome of each user of a run, as a host shows it once the run is finished."""
    wait_until(
        lambda: shown(host, f"runs/{run}")["state"] == "finished", f"{run} finished", TIME_LIMIT
    )
    results = shown(host, f"runs/{run}/results")["results"]
    return {each["id"]: each["outcome"] for each in results}


def test_the_version_before_goes_on_and_nothing_is_lost(
    azurite_server: Azurite, folder: Path, code: Path
) -> None:
    """Runs, results, saved records, waiting users and full queues: read, finished, and read again after."""
    with Tenant(folder, users=120, seed=61, lag=LAG) as tenant:
        tenant.advance(LAG)
        bridged, excluded = tenant.take("microsoft", entries=1), tenant.take("third_party")
        waits, failed = tenant.take("unlicensed_third_party"), tenant.take("third_party")
        queued = [tenant.take("third_party") for _ in range(2)]
        asked = [tenant.take("third_party") for _ in range(6)]
        settings = {
            "ACP_EXCLUDED_USERS": f"{excluded['id']},{excluded['userPrincipalName']}",
            "ACP_GUARD_MAX_MOVES": "1000",
        }
        with System(azurite_server, tenant, folder, settings) as system:
            filled = fill(system, bridged, waits, failed)
            request = run_of(system.host, {"users": [user["id"] for user in asked]})
            system.host.stop()
            sweep = "20261123T020000Z-sweep-1f2e3d4c"
            message = {"version": 1, "cause": "move_sweep_again_c", "run": sweep}
            system.storage.queue_users(queued[0]["id"], excluded["id"])
            system.storage.send({**message, "users": [queued[1]["id"]]})
            later = json.dumps({**message, "version": 2, "users": [excluded["id"]]})
            system.storage.send(later)
            with OldHost(code, folder, system.host) as before:
                for user in (*queued, *asked):
                    system.wait_for(user, "moved")
                check_before(before, system, filled, request, asked)
                tenant.advance(LAG)
                before.run("sweep_providers", TIME_LIMIT)
                for user in (waits, failed):
                    system.wait_for(user, "moved")
                system.wait_until_idle()
            aside = [base64.b64decode(text).decode() for text in system.storage.poisoned()]
            assert aside == [later], "set aside, and the others went on"
            system.host.start()
            moved = [*queued, *asked, waits, failed]
            check_after(system, filled, request, moved, {waits["id"], failed["id"]})
            assert tenant.user(excluded["id"]) == excluded


def fill(system: System, bridged: User, waits: User, failed: User) -> dict[str, str]:
    """Have this version write rows of every kind; return its runs by what they did."""
    tenant, user = system.tenant, bridged["id"]
    number = f"+{tenant.numbers('Toll', default=False)[0]}"
    preview = run_of(system.host, {"users": [user], "service_number": number, "dry_run": True})
    assert outcomes(system.host, preview) == {user: "would_change_bridge"}
    move = run_of(system.host, {"users": [user], "service_number": number})
    assert outcomes(system.host, move) == {user: "bridge_changed"}
    tenant.assign(waits)
    system.wait_for(waits, "waiting")
    system.storage.poison(failed["id"])
    system.host.upkeep("poison")
    wait_until(
        lambda: [each["id"] for each in shown(system.host, "attention")["users"]] == [failed["id"]],
        "the user of the poison message needs attention",
        TIME_LIMIT,
    )
    return {"preview": preview, "move": move, "user": user, "id": bridged["conference_id"]}


def check_before(
    before: Host, system: System, filled: dict[str, str], request: str, asked: list[User]
) -> None:
    """The version before reads what it knows of, in its own words, and finishes what was begun."""
    user = filled["user"]
    assert outcomes(before, filled["preview"]) == {user: "would_move"}
    assert outcomes(before, filled["move"]) == {user: "already_microsoft"}
    assert outcomes(before, request) == {each["id"]: "moved" for each in asked}
    known = {run["id"] for run in shown(before, "runs")["runs"]}
    assert {filled["preview"], filled["move"], request} <= known
    (entry,) = shown(before, f"users/{user}/saved")["entries"]
    assert (entry["provider"], entry["conference_id"]) == (MICROSOFT, filled["id"])
    assert shown(before, f"users/{user}")["outcome"] == "already_microsoft"
    assert system.tenant.user(user)["conference_id"] != filled["id"]


def check_after(
    system: System, filled: dict[str, str], request: str, moved: list[User], listed: set[str]
) -> None:
    """Upgraded again: the exact outcomes are there still, every entry was saved, each was set once."""
    user = filled["user"]
    assert outcomes(system.host, filled["preview"]) == {user: "would_change_bridge"}
    assert outcomes(system.host, filled["move"]) == {user: "bridge_changed"}
    assert len(outcomes(system.host, request)) == 6
    changes = [change["user"] for change in system.tenant.changes()]
    saved = system.storage.all_saved()
    for each in moved:
        assert changes.count(each["id"]) == 1
        assert each["original_entries"] in saved[each["id"]]
    system.sweep()
    wait_until(
        lambda: not listed & {row["RowKey"] for row in system.storage.rows("waiting")},
        "who was moved by the version before is on no list",
        TIME_LIMIT,
    )
