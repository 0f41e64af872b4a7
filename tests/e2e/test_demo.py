"""`acp demo` as a person runs it: what it writes is what the tenant says, and nothing stays behind."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.queue import QueueClient

from local.commands import ROOT
from local.processes import Child
from local.waiting import wait_until
from tests.e2e.secrets import NUMBER
from tests.e2e.session import FIRST, PAGE, SESSION, Terminal
from tests.e2e.tenant import MICROSOFT

pytestmark = pytest.mark.third_parties

USERS = 60
LEFT = 14
"""Who is put back on a third party: a dozen whom a sweep holds, and two who need attention."""
HELD = 12
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.split("<!-- tour: begin -->")[1].split("<!-- tour: end -->")[0]
LIMIT = 240.0
"""Seconds that a whole demo may take here: the machine may be busy with something else."""

OUTCOMES = ("moved", "already_microsoft", "unlicensed", "excluded", "waiting", "failed")

LIVE = {
    "ACP_GRAPH_URL": "https://live.invalid",
    "ACP_MODE": "report",
    "AzureWebJobsStorage": "live",
    "HTTP_PROXY": "http://live.invalid:1",
}
"""A developer's environment, which must not lead the demo elsewhere."""


@dataclass
class Kept:
    """A demo that was left running: its process, its summary, and the tenant's word on it."""

    child: Child
    summary: dict[str, Any]
    state: dict[str, Any]
    changes: list[dict[str, Any]]
    addresses: dict[str, str]


def start(folder: Path, *words: str) -> Child:
    """Start a demo, which `words` name with its options; its output goes to `demo.log` in the folder."""
    child = Child(
        "the demo",
        [sys.executable, "-m", "cli", *words],
        log=folder / "demo.log",
        environment={**LIVE, "TMPDIR": str(folder)},
        folder=ROOT,
    )
    child.start()
    return child


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A demo with --keep, when it has everything behind it."""
    folder = tmp_path_factory.mktemp("demo")
    file = folder / "summary.json"
    child = start(folder, "demo", *FIRST.split(), "--json", str(file))
    try:
        addresses = {
            name: child.wait_for_line(rf"^  {name} +(\S+)$", LIMIT)[1]
            for name in ("tenant", "host", "console", "logs", "storage")
        }
        child.wait_for_line(r"^ready http://", LIMIT)
        tenant = f"{addresses['tenant']}/_tenant"
        with httpx.Client(trust_env=False) as http:
            state = http.get(f"{tenant}/state").json()
            changes = http.get(f"{tenant}/changes").json()["changes"]
        yield Kept(child, json.loads(file.read_text()), state, changes, addresses)
    finally:
        child.stop()


def test_the_summary_agrees_with_the_tenant(kept: Kept) -> None:
    """Every figure that the tenant knows as well is the same there."""
    summary, users = kept.summary, kept.state["users"]
    candidates = [user for user in users if user["licensed"] and user["included"]]
    replaced = {change["user"] for change in kept.changes if change["action"] == "replaced"}
    by_app = {c["user"] for c in kept.changes if c["action"] in ("replaced", "enabled")}

    assert summary["users"] == len(users) == USERS
    assert summary["licensed"] == kept.state["totals"]["licensed"]
    assert summary["moved"] == len(by_app)
    assert summary["already_microsoft"] == len(candidates) - len(by_app)
    assert summary["unlicensed"] == sum(not user["licensed"] for user in users)
    assert summary["excluded"] == sum(u["licensed"] and not u["included"] for u in users)
    assert summary["replaced_saved"] == len(replaced)
    born = [e["name"] for user in users for e in user["original_entries"] if e["default"]]
    assert summary["third_party_before"] == sum(name != MICROSOFT for name in born)


def test_every_user_is_counted_once_and_nobody_is_left(kept: Kept) -> None:
    """The outcomes add up, and every licensed, included user was moved; then some are put back."""
    summary = kept.summary
    assert sum(summary[outcome] for outcome in OUTCOMES) == USERS
    assert (summary["waiting"], summary["failed"]) == (0, 0)
    assert summary["third_party_after_licensed"] == 0
    assert kept.state["totals"]["licensedIncludedNotMicrosoft"] == LEFT
    assert kept.state["totals"]["readyToMove"] == LEFT
    assert kept.state["totals"]["excludedChanged"] == 0


def test_notifications_and_the_sweep_both_had_their_part(kept: Kept) -> None:
    """Licenses were assigned and notified, and more users were moved than the wave alone explains."""
    summary = kept.summary
    assert summary["notifications"] > 0
    assert summary["moved"] >= summary["replaced_saved"] > 0
    assert summary["ready_before"] > 0
    assert summary["graph_calls"] > 0
    assert summary["teams_calls"] >= 3 * summary["moved"]
    assert 0 < summary["seconds"] < LIMIT


def test_each_page_of_the_console_has_something_to_do(kept: Kept) -> None:
    """A dozen users to move, the held sweep that found them, two in attention: by the printed address."""
    origin = kept.addresses["host"]
    with httpx.Client(trust_env=False, base_url=f"{origin}/api/console") as http:
        entered = http.get(kept.addresses["console"])
        http.headers["Cookie"] = entered.headers["Set-Cookie"].partition(";")[0]
        assert "holds users" in http.get("").text
        assert http.get("/users").text.count("<td><input") == HELD
        runs = http.get("/runs").text
        held = re.search(r'href="/api/console(/runs/[^"]+)"(?:(?!</tr>).)*>Held<', runs)
        assert held
        assert http.get(held[1]).text.count("<td><input") == HELD
        attention = http.get("/attention").text
        assert attention.count("<td><input") == LEFT - HELD
        assert "Retry selected" in attention
        assert "Run the doctor again" in http.get("/health").text


def test_what_is_left_is_there_after_the_next_catch_up(kept: Kept) -> None:
    """The change feed, read every five minutes, tells of nobody who was put back."""
    host = f"{kept.addresses['host']}/admin"
    with (
        httpx.Client(trust_env=False, timeout=LIMIT) as http,
        QueueClient.from_connection_string(kept.addresses["storage"], "moves") as queue,
    ):

        def is_idle() -> bool:
            looks = http.get(f"{host}/host/status").json()["functions"]["move_users"]
            return not (looks["running"] or queue.get_queue_properties().approximate_message_count)

        given = {"input": "catch_up"}
        http.post(f"{host}/functions/run_upkeep?wait=true", json=given).raise_for_status()
        wait_until(is_idle, "no message is left", LIMIT)
        totals = http.get(f"{kept.addresses['tenant']}/_tenant/state?summary=true").json()["totals"]
    assert totals["readyToMove"] == LEFT


def test_no_passcode_is_printed_or_logged(kept: Kept) -> None:
    """Not one of those that were replaced."""
    logs = [*Path(kept.addresses["logs"]).glob("*.log"), kept.child.log]
    numbers = {number for log in logs for number in NUMBER.findall(log.read_text())}
    entries = [entry for user in kept.state["users"] for entry in user["original_entries"]]
    codes = {e["participantPassCode"] for e in entries if len(e["participantPassCode"]) > 5}
    assert codes
    assert not codes & numbers


def test_the_tour_of_the_readme_runs_as_it_is_shown(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its lines end with status 0, and move those whom the demo left."""
    settings = f"{kept.addresses['logs']}/settings.json"
    terminal = Terminal({}, tmp_path, settings=settings)
    for line in re.findall(r"^\$ (acp .+)$", TOUR, re.MULTILINE):
        assert terminal.type(line, capsys) == 0, (line, terminal.said[-1])
    assert f"finished: moved {LEFT}\n" in "".join(terminal.said)
    rows = list(csv.DictReader((tmp_path / "ready.csv").read_text("utf-8").splitlines()))
    assert len(rows) == LEFT
    assert (tmp_path / "saved.csv").stat().st_size
    with httpx.Client(trust_env=False, base_url=kept.addresses["tenant"]) as http:
        for row in rows:  # as the demo left them, for whoever comes next
            body = {"entries": [{"name": row["provider"]}]}
            http.post(f"/_tenant/users/{row['id']}/provider", json=body).raise_for_status()


def test_the_session_of_the_docs_runs_as_it_is_shown(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line of docs/cli.md ends with the status that the page gives it; 0 where it gives none."""
    file = f"{kept.addresses['logs']}/settings.json"
    terminal = Terminal({"HOST": kept.addresses["host"], "FILE": file}, tmp_path)
    for line in SESSION:
        expected = re.search(r"# status (\d)$", line)
        status = terminal.type(line, capsys)
        assert status == int(expected[1] if expected else 0), (line, terminal.said[-1:])
    assert (tmp_path / "run.html").is_file()


def test_every_command_is_in_the_session() -> None:
    """But for those that serve, and for those of a deployment."""
    described = set(re.findall(r"^## acp (\w+)$", PAGE, re.MULTILINE))
    used = {line.split()[1] for line in SESSION if line.startswith("acp")}
    assert described - used <= {"demo", "grant", "console"}


def test_ctrl_c_ends_everything_with_the_demos_own_status(kept: Kept) -> None:
    """After SIGINT: status 0, for all went well; no child, no log, nobody at the addresses."""
    children = children_of(kept.child.pid)
    assert len(children) == 3
    kept.child.send_signal(signal.SIGINT)
    assert kept.child.wait(LIMIT) == 0
    assert not [pid for pid in children if alive(pid)]
    assert not Path(kept.addresses["logs"]).exists()
    for name in ("tenant", "host"):
        with pytest.raises(httpx.ConnectError):
            httpx.get(kept.addresses[name], trust_env=False)


@pytest.mark.large
def test_a_signal_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    """While licenses are assigned: the status says interrupted, and every child is gone."""
    child = start(tmp_path, "demo", "--users", "60")
    try:
        child.wait_for_line(r"Assigning \d+ Audio Conferencing licenses", LIMIT)
        children = children_of(child.pid)
        child.send_signal(signal.SIGTERM)
        assert child.wait(LIMIT) == 130
        assert len(children) == 3
        assert not [pid for pid in children if alive(pid)]
        log = child.log.read_text()
        assert "Traceback" not in log
        assert "Warning" not in log
    finally:
        child.kill()


@pytest.mark.large
def test_a_process_that_dies_is_named(tmp_path: Path) -> None:
    """When the tenant is killed in the middle, the demo says so, where the logs are, and ends with 1."""
    child = start(tmp_path, "demo", "--users", "60")
    try:
        child.wait_for_line(r"Assigning \d+ Audio Conferencing licenses", LIMIT)
        tenant = wait_until(lambda: children_of(child.pid, "tenant"), "the tenant runs")
        os.kill(tenant[0], signal.SIGKILL)
        assert child.wait(LIMIT) == 1
        lines = child.log.read_text().splitlines()
        assert "error: the tenant ended unexpectedly" in lines
        assert any(line.startswith("The logs are in ") for line in lines)
        assert not children_of(child.pid)
    finally:
        child.kill()


def children_of(pid: int, command: str = "") -> list[int]:
    """The ids of the processes that a process has started; only those of one command, if given."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,args="],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [int(own) for own, parent, text in rows if int(parent) == pid and command in text]


def alive(pid: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
