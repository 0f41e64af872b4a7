"""`acp` as a person runs it: in through the command line, out through the tenant's state."""

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from local.azurite.server import Azurite
from tests.e2e.command_line import CommandLine, Ended, ended
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import MICROSOFT, Tenant, User

pytestmark = pytest.mark.third_parties


@pytest.fixture(scope="module")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant of 60 users; every test takes users of its own."""
    with Tenant(folder, users=60, seed=21) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tenant: Tenant, folder: Path) -> Iterator[System]:
    """The deployed app, which does nothing by itself here."""
    with System(azurite_server, tenant, folder, {"ACP_RECHECK_SCHEDULE": NEVER}) as system:
        yield system


@pytest.fixture(scope="module")
def acp(system: System, folder: Path) -> CommandLine:
    """The command with that app's settings."""
    return CommandLine(folder / "cli", system.settings)


@pytest.fixture(scope="module", autouse=True)
def out_of_reach(acp: CommandLine, tenant: Tenant) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Commands that nobody answers. They need seconds to give up, so they begin with the tests."""
    user = tenant.any_user("third_party")["id"]
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        nowhere = {"ACP_GRAPH_URL": address, "ACP_TEAMS_URL": address, "ACP_REQUEST_TIMEOUT": "1"}
        commands = (["ready"], ["move", "--users", user, "--yes"])
        processes = [acp.started(*words, environment=nowhere) for words in commands]
        yield processes
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def third(tenant: Tenant) -> User:
    """A user whom `moved` moves."""
    return tenant.take("third_party", entries=2)


@pytest.fixture(scope="module")
def moved(system: System, acp: CommandLine, tenant: Tenant, third: User) -> Ended:
    """K5, K6: a run over five users, two of whom are moved; each is named in a way of its own."""
    none, already = tenant.take("no_provider"), tenant.take("microsoft")
    # Of the one who is already there: a change of the other would be a reason for the app to move him.
    mail = tenant.give_mail(already, "shared.o'desk@post.contoso.example")
    unlicensed = tenant.take("unlicensed_third_party")
    names = (
        f"  {third['userPrincipalName'].upper()} ,sip:{mail.upper()};\n nobody#1@x.example "
        f"{unlicensed['userPrincipalName']},,{none['id'].upper()}, {third['userPrincipalName']}"
    )
    with system.changing(third, none):
        done = acp("move", "--users", names, "--yes", "--output", "json")
    assert done.outcomes == {
        third["id"]: "moved",
        none["id"]: "moved",
        already["id"]: "already_microsoft",
        unlicensed["id"]: "unlicensed",
        "nobody#1@x.example": "not_found",
    }
    return done


def test_a_list_of_names(tenant: Tenant, system: System, moved: Ended, third: User) -> None:
    """The count comes first; the unknown and the unlicensed are errors, and the others go on."""
    settings, *lines = moved.err.splitlines()
    assert settings.startswith("settings from /")
    assert lines[0] == "6 names"
    assert lines[1] == (
        "  mails to users with their new numbers and PIN (AutomaticallySendEmailsToUsers): yes"
    )
    assert moved.status == 1
    assert moved.out.count(third["id"]) == 1
    assert "finished: 6 names, 5 users: " in lines[-1]
    assert "moved 2" in lines[-1]
    after = tenant.user(third["id"])
    assert (after["provider"], after["sets"]) == (MICROSOFT, 1)
    assert third["entries"] in system.storage.saved(third["id"])
    before = {row["id"]: row["provider_before"] for row in moved.json}
    assert before[third["id"]] == third["provider"]


def test_what_was_done_can_be_looked_up(acp: CommandLine, moved: Ended, third: User) -> None:
    """The run with its results, the list of runs, the user, and the saved numbers as CSV."""
    address = third["userPrincipalName"]
    run, runs, shown, history, saved, of_run = acp.at_once(
        ("run", moved.run, "--output", "json"),
        ("runs", "--output", "csv"),
        ("show", address),
        ("show", third["id"], "--history", "--output", "csv"),
        ("saved", "--user", f" {address} "),
        ("saved", "--run", moved.run, "--output", "json"),
    )
    statuses = [each.status for each in (run, runs, shown, history, saved, of_run)]
    assert statuses == [1, 0, 0, 0, 0, 0], "one user of the run was not found"
    assert run.outcomes == moved.outcomes
    listed = next(row for row in runs.csv if row["run"] == moved.run)
    assert (listed["state"], listed["users"]) == ("finished", "5")
    facts = dict(line.split("  ", 1) for line in shown.out.split("\n\n")[0].splitlines())
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    assert (facts["id"], facts["plan"], facts["provider"]) == (third["id"], "Enabled", MICROSOFT)
    assert facts["to be done"] == "already: Microsoft is the provider"
    assert facts["moved"].endswith(f", from {third['provider']}")
    assert facts["last attempt"].startswith("moved (2")
    assert "saved 1" in facts
    record = next(row for row in history.csv if row["event"] == "moved")
    assert record["run"] == moved.run
    assert (record["provider_before"], record["provider_after"]) == (third["provider"], MICROSOFT)
    assert record["number_after"].startswith("'+")
    assert record["by"] == listed["requested_by"]
    entries = {(e["name"], e["participantPassCode"]) for e in third["entries"]}
    assert {(row["provider"], row["conference_id"]) for row in saved.csv} == entries
    assert {(row["provider"], row["conference_id"]) for row in of_run.json} == entries
    assert not [code for _, code in entries if code in shown.out + run.out + history.out]


def test_what_is_looked_up_goes_into_files(acp: CommandLine, tenant: Tenant) -> None:
    """By their names; a probe of one group without `az` has a file, too."""
    user = tenant.any_user("unlicensed_third_party")["id"]
    for words, name in ((("ready",), "ready.csv"), (("show", user), "user.xlsx")):
        assert acp(*words, "--file", name).status == 0
        assert (acp.folder / name).stat().st_size > 100
    asked = acp("probe", "--group", user, "--yes", "--file", "probe.json", "--sign-in", "az")
    assert (asked.status, (acp.folder / "probe.json").is_file()) == (0, True)


def test_a_run_becomes_a_page(acp: CommandLine, moved: Ended, third: User) -> None:
    """Table, page and XLSX name each user, the old number and the new one, and no conference ID."""
    file = acp.folder / "run.html"
    old = next(entry for entry in third["entries"] if entry["default"])
    shown = acp("run", moved.run, "--report", str(file))
    assert shown.status == 1, "one user of the run was not found"
    first, *others = shown.out.splitlines()[1:]
    assert first.split()[:2] == ["nobody#1@x.example", "not_found"], "who needs somebody is first"
    (line,) = [each for each in others if third["userPrincipalName"] in each]
    assert re.search(rf"{third['provider']} \+?\d+ -> \+\d+", line)
    assert acp("run", moved.run, "--report", str(file.with_suffix(".xlsx"))).status == 1
    book = openpyxl.load_workbook(file.with_suffix(".xlsx"))
    assert {sheet.title: sheet.max_row - 1 for sheet in book if sheet.title != "Summary"} == {
        "Moved": 2,
        "Skipped": 2,
        "Failed": 1,
        "Held": 0,
        "Waiting": 0,
        "Saved": 1,
    }
    page = file.read_text(encoding="utf-8")
    for text in (third["userPrincipalName"], old["tollNumber"], f"{MICROSOFT} "):
        assert text in page
    assert not [
        e["participantPassCode"] for e in third["entries"] if e["participantPassCode"] in page
    ]
    nowhere = acp("run", moved.run, "--report", str(acp.folder / "no" / "such.html"))
    assert nowhere.status == 2
    assert "its folder is not there" in nowhere.err


def test_a_csv_file_confirmed_at_a_terminal(
    system: System, acp: CommandLine, tenant: Tenant
) -> None:
    """A header, semicolons and Excel's mark; only the right number moves, and Microsoft is no error."""
    users = [tenant.take("third_party"), tenant.take("microsoft")]
    lines = ["Display name;User Principal Name", *(f"Zoë;{u['userPrincipalName']} " for u in users)]
    file = acp.folder / "users.csv"
    file.write_text("\r\n".join(lines), encoding="utf-8-sig")
    with system.changing():
        wrong = acp.typed("3", "move", "--csv", str(file))
    assert (wrong.status, wrong.out) == (2, "")
    assert "error: not confirmed; nothing was changed" in wrong.err
    with system.changing(users[0]):
        right = acp.typed("1", "move", "--csv", str(file))
    assert (right.status, right.err.splitlines()[1]) == (0, "2 names")
    assert "1 of 2 users will be changed (would_move 1, already_microsoft 1)" in right.err
    assert "->" in right.out, "a good move shows the new number"
    assert "moved 1" in right.err
    assert "already_microsoft 1" in right.err
    (run,) = set(re.findall(r"run (\d{8}T\S+)", right.err))
    kept = [row for row in system.storage.rows("requests") if row["PartitionKey"] == run]
    assert [row["expected"] for row in kept if "expected" in row] == [1], "so many may be changed"


def test_a_bad_line_of_a_csv_file(system: System, acp: CommandLine, tenant: Tenant) -> None:
    """It is reported with its number and nothing is changed; the others are moved where that is requested."""
    user = tenant.take("third_party")
    text = f"UPN,Name\n{user['userPrincipalName']},A\n\nadele,B\n"
    runs = system.storage.rows("runs")
    with system.changing():
        refused = acp("move", "--csv", "-", "--yes", stdin=text)
    assert refused.status == 2
    assert "-, line 4: 'adele' names no user" in refused.err
    assert "lines that name no user, or no number: 1; nothing was changed" in refused.err
    assert system.storage.rows("runs") == runs
    with system.changing(user):
        taken = acp("move", "--csv", "-", "--yes", "--skip-bad-lines", stdin=text)
    assert taken.status == 0
    assert "-, line 4: 'adele' names no user" in taken.err
    assert "1 name" in taken.err.splitlines()


def test_looking_first_changes_nothing(system: System, acp: CommandLine, tenant: Tenant) -> None:
    """A dry run prints each outcome; without a yes, or with a wrong provider, nothing happens either."""
    everybody = [user for user in tenant.users() if not user["deleted"]]
    users = [user for user in everybody if user["provider"] == "InterCall"]
    would = {u["id"] for u in users if u["licensed"] and u["included"]}
    tables = ("runs", "requests", "users", "waiting", "replacedproviders")
    before = [system.storage.rows(table) for table in tables]
    writes = tenant.writes()
    with system.changing():
        dry, unsure, wrong, ready, providers = acp.at_once(
            ("move", "--provider", " intercall ", "--dry-run", "--output", "json"),
            ("move", "--users", users[0]["id"]),
            ("move", "--provider", "Intercal", "--yes"),
            ("ready", "--output", "json"),
            ("providers", "--output", "csv"),
        )
    assert tenant.writes() == writes
    assert [system.storage.rows(table) for table in tables] == before
    assert (dry.status, dry.err.splitlines()[1]) == (0, f"{len(users)} users")
    assert {user for user, outcome in dry.outcomes.items() if outcome == "would_move"} == would
    others = {dry.outcomes[user["id"]] for user in users if user["id"] not in would}
    assert "unlicensed" in others
    assert others <= {"unlicensed", "excluded", "not_found"}, "the last ones are deleted users"
    assert all(row["reason"] for row in dry.json)
    assert (unsure.status, unsure.out) == (2, "")
    assert "error: not an interactive terminal: pass --yes, or --dry-run" in unsure.err
    assert wrong.status == 2
    assert "provider 'Intercal': the tenant knows InterCall, PGi, BT" in wrong.err
    assert (ready.status, len(ready.json)) == (0, tenant.totals()["readyToMove"])
    assert would < {row["id"] for row in ready.json}
    assert f"{len(ready.json)} users are ready to move: " in ready.err
    assert [row["name"] for row in providers.csv] == ["InterCall", "PGi", "BT"]


def test_users_who_need_attention(system: System, acp: CommandLine, tenant: Tenant) -> None:
    """They are listed and the status says so, until a move settles them."""
    user = tenant.take("third_party")
    system.storage.poison(user["id"])
    system.host.upkeep("poison")
    listed = acp("attention", "--output", "json")
    assert listed.status == 1
    assert [(row["id"], row["user"]) for row in listed.json] == [(user["id"], user["id"])]
    with system.changing(user):
        assert acp("move", "--users", user["id"], "--yes").status == 0
    nobody = acp("attention")
    assert (nobody.status, nobody.err.splitlines()[1:]) == (0, ["nobody needs attention"])


def test_bad_settings_and_a_tenant_out_of_reach(
    acp: CommandLine, out_of_reach: list[subprocess.Popen[bytes]]
) -> None:
    """Status 2 names the setting; status 3 names the service; there is no traceback."""
    bad = acp("ready", ACP_MODE="maybe")
    assert bad.status == 2
    assert "ACP_MODE is 'maybe'" in bad.err
    for process in out_of_reach:
        away = ended(process)
        assert (away.status, away.out) == (3, "")
        assert re.search(r"^error: (Graph|Teams): .*ConnectError", away.err, re.MULTILINE)
        assert "Traceback" not in away.err


def test_a_person_is_forgotten(system: System, acp: CommandLine, tenant: Tenant) -> None:
    """The id typed as confirmation deletes everything; anything else, or no terminal, nothing."""
    user = tenant.take("third_party")
    acp("move", "--users", user["id"], "--yes")
    assert acp("forget", user["id"]).status == 2
    assert acp.typed("yes\n", "forget", user["userPrincipalName"]).status == 2
    assert system.storage.saved(user["id"])
    done = acp.typed(f"{user['id']}\n", "forget", user["userPrincipalName"], "--output", "csv")
    rows = {row["table"]: int(row["rows"]) for row in done.csv}
    assert (done.status, rows["users"], rows["runresults"]) == (0, 1, 1)
    assert system.storage.saved(user["id"]) == []
    assert "note: queues" in done.err
