"""What an administrator rules: whom to leave alone, which numbers, and what is requested in one run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cli.results import COLUMNS
from local.azurite.server import Azurite
from tests.e2e.command_line import CommandLine
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User

pytestmark = pytest.mark.third_parties


@dataclass(frozen=True)
class Ruled:
    """A system with rules: its tenant, and users of the groups that the rules name."""

    system: System
    tenant: Tenant
    acp: CommandLine
    excluded: User
    numbered: User
    european: str
    """The number, on the other bridge, that a group's rule gives."""
    american: str
    """The number that the rule for everybody else gives."""


@pytest.fixture(scope="module")
def ruled(azurite_server: Azurite, folder: Path) -> Iterator[Ruled]:
    """The app with an excluded group, a number for a group, and a number for all others."""
    with Tenant(folder, users=60, seed=31) as tenant:
        excluded, numbered = tenant.take("third_party"), tenant.take("third_party")
        european = tenant.numbers("Toll", default=False)[-1]
        american = tenant.toll_numbers()[-1]
        rules = {
            "ACP_EXCLUDED_GROUPS": tenant.group(excluded),
            "ACP_NUMBER_RULES": f"{tenant.group(numbered)}=+{european}; *=+{american}",
            "ACP_RECHECK_SCHEDULE": NEVER,
            "ACP_GUARD_MAX_MOVES": "1000",
        }
        with System(azurite_server, tenant, folder, rules) as system:
            acp = CommandLine(folder / "ruled", system.settings)
            yield Ruled(system, tenant, acp, excluded, numbered, european, american)


def test_numbers_asked_for_in_a_run(ruled: Ruled) -> None:
    """Default numbers and a mail, in a run of the command line, in place of the rules."""
    tenant = ruled.tenant
    user, there = tenant.take("third_party"), tenant.take("microsoft")
    number = next(each for each in tenant.toll_numbers() if each != there["number"])
    free = tenant.numbers("TollFree")[0]
    done = ruled.acp(
        *("move", "--users", f"{user['id']},{there['id']}", "--yes", "--send-email"),
        *("--service-number", f"+{number}", "--toll-free-number", f"+{free}", "--output", "json"),
    )
    assert done.status == 0, done.err
    assert done.outcomes == {user["id"]: "moved", there["id"]: "already_microsoft"}
    for before in (user, there):
        after = tenant.user(before["id"])
        entry = after["entries"][0]
        assert (after["number"], entry["tollFreeNumber"]) == (number, free)
        assert after["mails"] > before["mails"]


def test_wishes_over_http_with_a_csv_file(ruled: Ruled) -> None:
    """The same by the deployed app: a CSV file as the body, the wishes in the query."""
    user = ruled.tenant.take("third_party")
    number = ruled.tenant.toll_numbers()[1]
    text = f"Name;UPN\r\nZoë;{user['userPrincipalName']}\r\nX;adele\r\n".encode("cp1252")
    with httpx.Client(base_url=f"{ruled.system.host.origin}/api", trust_env=False) as api:
        query = {"service_number": f"+{number}", "column": "upn"}
        headers = {"Content-Type": "text/csv; charset=windows-1252"}
        bad = api.post("/moves", content=text, params=query, headers=headers, timeout=TIME_LIMIT)
        query["skip_bad_lines"] = "true"
        good = api.post("/moves", content=text, params=query, headers=headers, timeout=TIME_LIMIT)
    assert (bad.status_code, good.status_code) == (400, 202), good.text
    assert [error["pointer"] for error in bad.json()["errors"]] == ["/3"]
    assert "'adele' names no user" in bad.json()["errors"][0]["detail"]
    after = ruled.system.wait_for(user, "moved")
    assert (after["provider"], after["number"]) == (MICROSOFT, number)


@pytest.mark.parametrize("by_app", [False, True])
def test_a_file_gives_each_user_numbers(ruled: Ruled, by_app: bool) -> None:
    """Here and by the deployed app: each row's number is set; one that is on no bridge stops all of them."""
    tenant = ruled.tenant
    users = [tenant.take("third_party") for _ in range(2)]
    tolls, file = tenant.toll_numbers(), ruled.acp.folder / "numbers.csv"
    app = ("--app", ruled.system.host.origin) if by_app else ()
    lines = [
        f"{user['userPrincipalName']},+{toll}," for user, toll in zip(users, tolls, strict=False)
    ]
    file.write_text(
        "\n".join(
            ["UPN,TollNumber,TollFreeNumber", *lines, f"{ruled.excluded['id']},+14255550100,"]
        )
    )
    with ruled.system.changing():
        refused = ruled.acp("move", "--users", str(file), "--yes", *app)
    assert refused.status == 2
    assert f"line 4, {ruled.excluded['id']}: TollNumber +14255550100 is on no bridge" in refused.err
    assert str(file) in refused.err
    file.write_text("\n".join(["UPN,TollNumber,TollFreeNumber", *lines]))
    dry = ruled.acp("move", "--csv", str(file), "--dry-run", "--output", "json", *app)
    assert [f"toll number +{tolls[0]}" in row["reason"] for row in dry.json].count(True) == 1
    with ruled.system.changing(*users):
        done = ruled.acp("move", "--csv", str(file), "--yes", "--output", "csv", *app)
        assert done.status == 0, done.err
    assert {tuple(row) for row in done.csv} == {COLUMNS}, "both doors have the same columns"
    shown = {row["user"]: row["number_after"] for row in done.csv}
    addresses = [user["userPrincipalName"] for user in users]
    assert shown == dict(zip(addresses, (f"'+{toll}" for toll in tolls), strict=False))
    assert [tenant.user(user["id"])["number"] for user in users] == tolls[:2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--service-number", "0123"], "--service-number '0123': a number such as"),
        (
            ["--service-number", "+14255550100"],
            "service number +14255550100 is on no bridge; there",
        ),
        (["--toll-free-number", "+14255550100"], "toll-free number +14255550100 is on no bridge;"),
        (["--where", "app"], "--where app: name the app with --app URL or ACP_APP_URL"),
    ],
)
def test_wrong_wishes_change_nothing(ruled: Ruled, words: list[str], said: str) -> None:
    """A number that is none or on no bridge: one line with the numbers there are, status 2."""
    user = ruled.tenant.any_user("third_party")
    with ruled.system.changing():
        done = ruled.acp("move", "--users", user["id"], "--yes", *words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_rule_on_no_bridge_is_told_before_anything_starts(ruled: Ruled) -> None:
    """A number rule whose number no bridge has stops a move by hand, and the doctor names it."""
    user = ruled.tenant.any_user("third_party")
    with ruled.system.changing():
        done = ruled.acp(
            "move", "--users", user["id"], "--yes", ACP_NUMBER_RULES="GB=+442079460000"
        )
    assert done.status == 2
    assert "GB=+442079460000: no toll number of a bridge; there are" in done.err


def test_dry_run_tells_whose_meetings_are_sent_again(ruled: Ruled) -> None:
    """Before anything changes: how many users' future meetings everybody would get again."""
    users = [ruled.tenant.any_user("third_party"), ruled.excluded]
    done = ruled.acp("move", "--users", ",".join(u["id"] for u in users), "--dry-run")
    assert "all future meetings of 1 user would be sent again to everybody invited" in done.err


def test_another_bridge_is_told_saved_and_an_outcome_of_its_own(ruled: Ruled) -> None:
    """K4, K8: one user by three names; the dry run tells all, and what the run replaces is saved first."""
    user = ruled.tenant.any_user("microsoft")
    names = f"{user['userPrincipalName']}, {user['userPrincipalName'].upper()} , {user['id']}"
    words = ("move", "--users", names, "--service-number", f"+{ruled.european}")
    with ruled.system.changing():
        dry = ruled.acp(*words, "--dry-run", "--output", "json")
    assert dry.outcomes == {user["id"]: "would_change_bridge"}
    told = [line for line in dry.err.splitlines() if not line.startswith("settings from")]
    assert told[0] == "3 names"
    assert told[4:] == [
        "dry run, nothing was changed: 3 names, 1 user: would_change_bridge 1",
        "1 user on Microsoft would change to the bridge of their new number",
        "1 user would get a new conference ID instead of the one they have",
        "1 user would get other numbers than they have",
        "1 user would be mailed their numbers and PIN",
        "all future meetings of 1 user would be sent again to everybody invited",
    ]
    with ruled.system.changing(user):
        done = ruled.acp(*words, "--yes", "--output", "json")
    assert done.outcomes == {user["id"]: "bridge_changed"}
    assert "finished: 3 names, 1 user: bridge_changed 1" in done.err
    after = ruled.tenant.user(user["id"])
    assert after["conference_id"] != user["conference_id"]
    records = ruled.acp("saved", "--user", user["id"], "--output", "json").json
    # A third party's leftovers of a user on Microsoft are saved, too.
    (saved,) = [each for each in records if each["kind"] == "conferencing_user"]
    assert (saved["kind"], saved["conference_id"], saved["toll_number"]) == (
        "conferencing_user",
        user["conference_id"],
        user["number"],
    )
    with httpx.Client(base_url=f"{ruled.system.host.origin}/api", trust_env=False) as api:
        entries = api.get(f"/users/{user['id']}/saved").json()["entries"]
    (shown,) = [each for each in entries if each["kind"] == "conferencing_user"]
    assert {**saved, **shown} == {**saved, "saved_at": shown["saved_at"]}


def test_rules_hold_for_moves_and_for_the_sweep(ruled: Ruled) -> None:
    """The excluded group is left alone; the group's number and everybody else's are given and kept."""
    tenant, system = ruled.tenant, ruled.system
    done = ruled.acp(
        *("move", "--users", f"{ruled.excluded['id']},{ruled.numbered['id']}"),
        *("--yes", "--output", "json"),
    )
    assert done.outcomes == {ruled.excluded["id"]: "excluded", ruled.numbered["id"]: "moved"}
    assert tenant.user(ruled.numbered["id"])["number"] == ruled.european
    system.sweep()
    assert tenant.user(ruled.excluded["id"])["entries"] == ruled.excluded["entries"]
    settled = [
        user
        for user in tenant.users()
        if user["licensed"] and user["included"] and user["provisioned"]
    ]
    numbers = {user["id"]: user["number"] for user in settled}
    assert numbers.pop(ruled.numbered["id"]) == ruled.european
    assert numbers.pop(ruled.excluded["id"]) is None
    assert set(numbers.values()) == {ruled.american}
