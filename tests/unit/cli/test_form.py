"""CSV for another country's spreadsheet: its own files are read back, by others and by `acp move`."""

import csv
import io

import pytest

from cli.output import Form, Output, show
from shared.userlists.csv_file import BadLine, csv_users

ROWS = [
    {"user": "+49.service@x.example", "number_before": "+4420", "reason": "a;b,c\td|e"},
    {"user": "zoë@x.example", "number_before": "00123", "reason": '"no"'},
]
COLUMNS = ("user", "number_before", "reason")


@pytest.mark.parametrize("bom", [True, False])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_read_back_as_it_was_written(
    capsys: pytest.CaptureFixture[str], delimiter: str, bom: bool
) -> None:
    """Every delimiter, with and without the mark: the users for a move, and every field."""
    show(ROWS, COLUMNS, Form(Output.CSV, bom=bom, delimiter=delimiter))
    text = capsys.readouterr().out
    assert text.startswith("\ufeff") == bom
    users = csv_users(io.BytesIO(text.encode()))
    names = [user.name for user in users if not isinstance(user, BadLine)]
    assert names == [row["user"] for row in ROWS]
    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter))
    assert [(row["user"], row["number_before"]) for row in read] == [
        ("'+49.service@x.example", "'+4420"),
        ("zoë@x.example", "00123"),
    ]


def test_a_terminal_shows_the_first_rows_and_says_how_to_see_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 rows and the number of the others; all with `everything`, and in a pipe."""
    rows = [{"user": f"u{at}@x.example"} for at in range(23)]
    shown = {}
    for name, terminal, form in (
        ("terminal", "1", Form()),
        ("all", "1", Form(everything=True)),
        ("pipe", "0", Form()),
    ):
        monkeypatch.setenv("TTY_COMPATIBLE", terminal)
        show(rows, ("user",), form)
        out, err = capsys.readouterr()
        shown[name] = (len(out.splitlines()) - 1, err)
    assert shown == {
        "terminal": (20, "... and 3 more: --all shows them\n"),
        "all": (23, ""),
        "pipe": (23, ""),
    }


def test_nothing_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of a table without rows; files keep their header."""
    show([], COLUMNS, Form(), nothing="nobody needs attention")
    show([], COLUMNS, Form(Output.CSV), nothing="nobody needs attention")
    assert capsys.readouterr() == ("user,number_before,reason\n", "nobody needs attention\n")
