"""What `acp move` and its like refuse before they look for settings, storage or tenant."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from cli.main import run
from cli.move.command import follow
from cli.move.parameters import Parameters, names_and_users
from cli.move.selection import Given, Selection
from functions.http.schemas import MoveBody
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions, OwnNumbers

if TYPE_CHECKING:
    from cli.move.app import RemoteApp
    from cli.results import Written

SOMEBODY = ("--users", "a@x.example")
ONE_OF = "error: name the users with one of --users, --csv, --provider, --all-third-party, --resume"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], ONE_OF),
        (["--yes"], ONE_OF),
        ([*SOMEBODY, "--all-third-party"], ONE_OF),
        (["--provider", "BT", "--csv", "-"], ONE_OF),
        ([*SOMEBODY, "--resume", "20261123T120000Z-request-1f2e"], ONE_OF),
        ([*SOMEBODY, "--column", "UPN"], "error: --column names a column of a --csv file"),
        (["--resume", "x", "--dry-run"], "error: --resume moves the remaining users"),
        (["--users", ""], "error: --users: the list is empty; nothing was done"),
        (["--users", " ,; \t"], "error: --users: the list is empty; nothing was done"),
        (["--users", "a@x.example, adele"], "error: name 2: 'adele' names no user"),
        (["--csv", "no/such/file"], "error: --csv no/such/file: cannot be read (No such file"),
        (["--csv", "."], "error: --csv .: cannot be read (Is a directory"),
        ([*SOMEBODY, "--output", "xml"], "error: Invalid value for '--output': "),
        ([*SOMEBODY, "--settings", "no/such"], "error: --settings no/such: there is no such file"),
    ],
)
def test_a_move_that_makes_no_sense_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what is wrong; nothing is looked up and nothing is moved."""
    assert run(["move", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "adele"], "error: 'adele' names no user"),
        (["show"], "error: Missing argument 'USER'"),
        (["saved", "--since", "yesterday"], "'yesterday' is not a date or time such as 2026-11-23"),
        (["runs", "--months", "0"], "error: Invalid value for '--months': "),
        (["release"], "error: Missing argument 'RUN'"),
    ],
)
def test_bad_words_of_other_commands(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the word, and status 2."""
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    ["move", "ready", "providers", "show", "saved", "runs", "run", "release", "attention"],
)
def test_every_command_has_help_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command explains itself and shows how it is typed."""
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--settings" in shown
    assert f"acp {command}" in shown


def test_empty_provider_never_means_everybody() -> None:
    """What the app is requested: an empty name stays one, which the app refuses."""
    bodies = [Selection(None, None, None, False, name).body(None) for name in ("", "BT", None)]
    assert bodies == [{"provider": ""}, {"provider": "BT"}, {"all_third_party": True}]


def test_names_are_counted_as_given(tmp_path: Path) -> None:
    """K8: by list and by file, for this process and for the app: three names, two of them the same."""
    names = ["adele@x.example", "ADELE@x.example", "00000000-0000-4000-8000-000000000001"]
    file = tmp_path / "users.csv"
    file.write_text("\n".join(["UPN", *(f" {name} " for name in names)]))
    for selection in (
        Selection(" , ".join(names), None, None, False, None),
        Selection(None, str(file), None, False, None),
    ):
        given = selection.given()
        assert given == Given(names)
        request = Parameters(False, True, False, None, None).request(given, None)
        assert request == MoveRequest((names[0], names[2]), named=3)
        assert selection.body(given) == {"users": names}


FILE = "UPN,TollNumber,TollFreeNumber\nadele@x.example,+15550101,\nalex@x.example,,+18000101\n"


def test_a_file_gives_each_user_numbers(tmp_path: Path) -> None:
    """For this process and for the app the same; a limit takes the first rows with their numbers."""
    (tmp_path / "numbers.csv").write_text(FILE)
    selection = Selection(None, str(tmp_path / "numbers.csv"), None, False, None)
    given = selection.given()
    assert given
    adele, alex = OwnNumbers("+15550101", None, 2), OwnNumbers(None, "+18000101", 3)
    request = Parameters(False, True, False, None, None).request(given, None)
    own = {"adele@x.example": adele, "alex@x.example": alex}
    assert request.options == MoveOptions(own_numbers=own)
    body = selection.body(given)
    assert body["numbers"] == {
        name: {"service_number": it.toll, "toll_free_number": it.toll_free, "line": it.line}
        for name, it in own.items()
    }
    asked = MoveBody.model_validate(body)
    assert asked.request(asked.users, None, asked.own_numbers) == request
    assert replace(selection, limit=1).given() == Given(
        ["adele@x.example"], {"adele@x.example": adele}
    )


@pytest.mark.parametrize(
    ("arguments", "file", "message"),
    [
        (["--service-number", "+15550101"], FILE, "error: --service-number and --toll-free-number"),
        (
            ["--toll-free-number", "+18000101", "--app", "https://x.example"],
            FILE,
            "error: --service",
        ),
        (
            [],
            f"{FILE}adele@X.example,+15550102,\n",
            "lines 2 and 4 give 'adele@X.example' different",
        ),
        ([], f"{FILE}ann@x.example,0,\n", "line 4: column TollNumber: '0': a number such as"),
    ],
)
def test_numbers_that_contradict_each_other_stop_the_move(
    arguments: list[str],
    file: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before any settings are looked for; the file is named. `--users FILE.csv` means the file."""
    path = tmp_path / "numbers.csv"
    path.write_text(file)
    for way in ("--users", "--csv"):
        assert run(["move", way, str(path), "--yes", *arguments]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert arguments or str(path) in err


def test_names_and_users_are_told_where_they_differ() -> None:
    """As many users as names, or users found by provider: the outcomes say how many."""
    told = [names_and_users(names, users) for names, users in ((3, 1), (3, 2), (2, 2), (0, 5))]
    assert told == ["3 names, 1 user: ", "3 names, 2 users: ", "", ""]


class Interrupted:
    """The app's runs, where a person presses Ctrl-C while one is followed."""

    def follow(self, _run: str) -> dict[str, Any]:
        raise KeyboardInterrupt


def test_ctrl_c_says_what_goes_on_and_how_to_stop_it(capsys: pytest.CaptureFixture[str]) -> None:
    """D5: to follow a run of the app ends here alone; the app goes on."""
    app = cast("RemoteApp", Interrupted())
    written = cast("Written", None)
    assert follow(app, "https://acp.example", "r1", written, by_name=True) == 130
    said = capsys.readouterr().err
    assert "The app continues with run r1. Stop it with:" in said
    assert "  acp cancel r1 --app https://acp.example" in said
