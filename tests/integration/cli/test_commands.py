"""`acp` on tables of its own: the options of docs/cli.md that need neither tenant nor app."""

import asyncio
import itertools
import json
import os
import platform
import pwd
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from local.azurite.server import Azurite
from shared.clock import SystemClock
from shared.domain.held import HeldUser
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import Waiting, WaitReason, ask_person
from shared.domain.run import Mode, Run, RunState, Signal, SweepPage, new_run_id
from shared.storage.held import HeldTable
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.sweep_pages import SweepPageTable
from shared.storage.tables import Tables
from shared.storage.waiting import WaitingTable
from tests.e2e.command_line import CommandLine
from tests.fakes import guid, in_service, third_party

_NUMBERS = itertools.count(1)
NOW = SystemClock().now().replace(microsecond=0)
HELD, OPEN, ENDED, FAILED = (
    new_run_id(Signal.SWEEP, NOW - timedelta(hours=hours)) for hours in (1, 2, 3, 4)
)
PASSCODE = "00123456789012345"
"""An ID with leading zeros and more digits than a spreadsheet's numbers have."""


async def seed(tables: Tables) -> None:
    """Four sweeps: one holds four users, one is open, of one somebody waits, of one somebody failed."""
    runs = RunTable(tables.table("runs"), tables.table("runresults"))
    held, waiting = (
        HeldTable(tables.table("held")),
        WaitingTable(tables.table("waiting"), SystemClock()),
    )
    for name, state in (
        (HELD, RunState.HELD),
        (OPEN, RunState.MOVING),
        (ENDED, RunState.FINISHED),
        (FAILED, RunState.FINISHED),
    ):
        run = Run(
            name, Signal.SWEEP, state, NOW, mode=Mode.MOVE, counts={"queued": 2, "waiting": 1}
        )
        await runs.save_run(replace(run, scanned=True, holds=state is RunState.HELD))
    pages = SweepPageTable(tables.table("plans"))
    await pages.save_sweep_page(OPEN, SweepPage(0, [guid(6)], [guid(6)]))
    for number in range(1, 5):
        name, provider = f"user{number}@x.example", "BT" if number < 4 else "PGi"
        user = HeldUser(guid(number), name, provider, Signal.SWEEP, HELD, NOW, "too many")
        await held.add_held(user)
    waits = Waiting(guid(5), WaitReason.SERVICE, "HTTP 503", NOW, NOW, NOW, upn="five@x.example")
    await waiting.save_waiting(replace(waits, runs=(OPEN, ENDED)))
    need = ask_person(guid(7), "seven@x.example", "no number", NOW)
    await waiting.save_waiting(replace(need, runs=(FAILED,)))
    five = UserResult(guid(5), Outcome.WAITING, "HTTP 503", "five@x.example")
    for name in (OPEN, ENDED):
        await runs.record_results(name, [five], NOW)
    already = UserResult(guid(1), Outcome.ALREADY_MICROSOFT, "", "one@x.example")
    moved = UserResult(guid(8), Outcome.MOVED, "", "eight@x.example", third_party().name)
    await runs.record_results(FAILED, [already, moved], NOW)
    entry = replace(third_party(), passcode=PASSCODE, toll_number="00442079460100")
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    for number in (1, 8):
        await replaced.save_entries(in_service(number, entry), NOW)


@pytest.fixture
def acp(azurite_server: Azurite, tmp_path: Path) -> CommandLine:
    """The command on those tables."""
    name, connection = f"c{next(_NUMBERS)}x", azurite_server.connection_string

    async def fill() -> None:
        tables = Tables.open(name, connection=connection)
        try:
            await seed(tables)
        finally:
            await tables.close()

    asyncio.run(fill())
    settings = {"AzureWebJobsStorage": connection, "ACP_TABLE_PREFIX": name, "ACP_QUEUE": name}
    return CommandLine(tmp_path, settings | {"ACP_TENANT_ID": guid(900)})


LISTS = {
    "runs": "csv",
    "held": "json",
    "waiting": "xlsx",
    "attention": "csv",
    "status": "json",
    "saved": "xlsx",
}
"""Commands that only read, and a kind of file for each."""


def read_back(file: Path) -> int:
    """How many rows, or facts, the file has."""
    if file.suffix == ".xlsx":
        return sum(sheet.max_row - 1 for sheet in load_workbook(file))
    text = file.read_text(encoding="utf-8")
    return len(json.loads(text) if file.suffix == ".json" else text.splitlines()[1:])


def test_lists_are_written_into_files_as_their_names_say(acp: CommandLine) -> None:
    """CSV, JSON and XLSX, for their owner alone; on standard output there is nothing."""
    counts = {}
    for command, kind in LISTS.items():
        file = acp.folder / f"{command}.{kind}"
        done = acp(command, "--file", str(file))
        assert (done.out, f"file: {file}" in done.err) == ("", True), (command, done.err)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        counts[command] = read_back(file)
    assert counts.pop("status") > 10
    assert counts == {"runs": 4, "held": 4, "waiting": 1, "attention": 1, "saved": 2}


def test_saved_ids_come_back_from_a_workbook_digit_by_digit(acp: CommandLine) -> None:
    """Leading zeros and 17 digits, read by another library: text cells, which no spreadsheet changes."""
    acp("saved", "--file", "saved.xlsx")
    sheet = load_workbook(acp.folder / "saved.xlsx")["Saved"]
    head, row, _ = sheet.iter_rows()
    cells = {str(name.value).replace(" ", "_"): cell for name, cell in zip(head, row, strict=True)}
    for column, text in (("conference_id", PASSCODE), ("toll_number", "00442079460100")):
        assert (cells[column].value, cells[column].data_type) == (text, "s")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ids.txt", (), "a name that ends in .csv, .json or .xlsx is needed"),
        ("ids.xlsx", ("--output", "json"), "its name says xlsx, --output says json"),
        ("ids.xlsx", ("--bom",), "--bom and --delimiter are for --output csv, not for xlsx"),
        ("no/such/ids.csv", (), "cannot be written (No such file or directory)"),
    ],
)
def test_a_file_that_cannot_be_is_one_line_and_status_2(
    acp: CommandLine, name: str, options: tuple[str, ...], message: str
) -> None:
    """And an older file of that name is as it was."""
    (acp.folder / "ids.xlsx").write_text("older", encoding="utf-8")
    done = acp("saved", "--file", name, *options)
    assert (done.status, done.out, message in done.err) == (2, "", True)
    assert (acp.folder / "ids.xlsx").read_text(encoding="utf-8") == "older"


def test_csv_for_another_country_and_all_rows(acp: CommandLine) -> None:
    """--bom, --delimiter and --all, of every command that has them."""
    for command in LISTS:
        done = acp(command, "--output", "csv", "--bom", "--delimiter", ";")
        assert done.out.startswith("\ufeff"), command
        assert ";" in done.out.splitlines()[0]
    for command in ("runs", "held", "waiting", "attention"):
        shown = acp(command, "--all", TTY_COMPATIBLE="1", COLUMNS="200").out
        assert len(shown.splitlines()) >= 2, command


def test_a_part_of_a_held_run_is_released_and_another_discarded(acp: CommandLine) -> None:
    """By provider, number and name, with ticket and note, which the run's list of actions has."""
    why = ("--ticket", "INC7", "--note", "as agreed")
    released = acp("release", HELD, "--provider", "BT", "--limit", "2", "--yes", *why)
    assert (released.status, "2 of 4 held users (BT 2)" in released.err) == (0, True)
    assert f"released of {HELD}: 2 users" in released.err
    by_provider = acp("discard", HELD, "--provider", "PGi", "--limit", "1", *why)
    assert (by_provider.status, f"discarded of {HELD}: 1 user;" in by_provider.err) == (0, True)
    by_name = acp("discard", HELD, "--users", "user3@x.example", *why)
    assert (by_name.status, f"discarded of {HELD}: 1 user;" in by_name.err) == (0, True)
    assert acp("held", "--output", "json").json == []
    (row,) = [row for row in acp("runs", "--output", "json").json if row["run"] == HELD]
    whose = pwd.getpwuid(os.getuid()).pw_name
    assert row["decided_by"] == f"{whose} on {platform.node()}; INC7: as agreed", "nobody signed in"


def test_a_release_asks_for_the_number(acp: CommandLine) -> None:
    """D6: another number, or no terminal, releases nobody; the right one releases all of them."""
    before = acp("held", "--output", "json").json
    wrong, nobody = acp.typed("3", "release", HELD), acp("release", HELD)
    assert (wrong.status, nobody.status) == (2, 2)
    assert "4 of 4 held users (BT 3, PGi 1)" in wrong.err
    assert "error: not confirmed; nothing was changed" in wrong.err
    assert "error: not an interactive terminal: pass --yes" in nobody.err
    assert acp("held", "--output", "json").json == before
    right = acp.typed("4", "release", HELD)
    assert (right.status, f"released of {HELD}: 4 users" in right.err) == (0, True)
    assert acp("held", "--output", "json").json == []


def test_a_run_is_followed_until_only_waiting_users_are_left(acp: CommandLine) -> None:
    """It says how many they are and ends with 0; who failed for good, or needs somebody, is 1."""
    waits, failed = acp.at_once(("run", ENDED, "--follow"), ("run", FAILED, "--follow"))
    assert (waits.status, failed.status) == (0, 1)
    assert "1 user waits, and the app tries again by itself; the next one is due " in waits.err
    assert f"to wait for them: acp run {ENDED} --until-settled" in waits.err
    assert "1 user needs attention: acp attention" in failed.err


def test_saved_of_a_run_is_what_it_replaced(acp: CommandLine) -> None:
    """D13: not what others replaced of users whom it only looked at; --all has that, too."""
    of_run = acp("saved", "--run", FAILED, "--output", "json").json
    everything = acp("saved", "--run", FAILED, "--all", "--output", "json").json
    assert [row["id"] for row in of_run] == [guid(8)]
    assert [row["id"] for row in everything] == [guid(1), guid(8)]
    assert [row["id"] for row in acp("saved", "--output", "json").json] == [guid(1), guid(8)]


def test_one_line_says_whether_all_is_well(acp: CommandLine) -> None:
    """In green where nobody has to do anything; and what there is to do otherwise."""
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "xterm"}
    todo = "to do: users are held, users need attention"
    assert acp("status", **terminal).out.splitlines()[0] == f"\x1b[33m{todo}\x1b[0m"
    done = acp("status", ACP_TABLE_PREFIX=f"c{next(_NUMBERS)}x", **terminal)
    assert done.out.splitlines()[0] == "\x1b[32mall is well\x1b[0m"


def test_a_sweep_is_cancelled_and_says_who_is_tried_again(acp: CommandLine) -> None:
    """With ticket and note; who waits for it was begun, and an exclusion is what stops that."""
    done = acp("cancel", OPEN, "--ticket", "INC7", "--note", "wrong list")
    assert done.status == 0
    *_, counts, waits, hint, last = done.err.splitlines()
    assert f"{OPEN} is cancelled: nobody else of it is changed" in done.err
    assert counts == "queued 2, waiting 1"
    assert waits.startswith("1 user waits, and the app tries again by itself; the next one is due ")
    assert hint == f"to wait for them: acp run {OPEN} --until-settled"
    assert last == "like every licensed user, they are moved all the same: exclude who must not be"
    (row,) = [row for row in acp("runs", "--output", "json").json if row["run"] == OPEN]
    assert (row["state"], "INC7: wrong list" in row["reason"]) == ("cancelled", True)


def test_a_pause_has_a_ticket(acp: CommandLine) -> None:
    """It stands with the note, wherever the pause is shown."""
    paused = acp("pause", "--note", "numbers are checked", "--ticket", "INC8")
    assert (paused.status, "INC8: numbers are checked" in paused.err) == (0, True)
    assert "INC8: numbers are checked" in acp("status").out
