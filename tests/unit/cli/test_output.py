"""Data on standard output: whatever is in it, a table stays a table, JSON is JSON and CSV harmless."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output import Output, Row, show, tell
from shared.text import defused, plain

SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212-"
COLUMNS = ("user", "provider_before")
MOMENT = datetime(2026, 11, 23, 12, 0, 5, 700_000, tzinfo=UTC)


class Written:
    """Shows rows and returns what came to standard output, which is no terminal here."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, output: Output, *rows: Row) -> str:
        show(rows, COLUMNS, output)
        out, err = self._capsys.readouterr()
        assert err == ""
        return out


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Written:
    """Shows rows."""
    return Written(capsys)


def row(user: object, provider: object = None) -> Row:
    """A row with these values."""
    return {"user": user, "provider_before": provider}


@pytest.mark.parametrize("first", [*SIGNS, " =", "'=", "\u3000\uff1d"])
def test_no_spreadsheet_takes_a_field_for_a_formula(written: Written, first: str) -> None:
    """A field that begins so gets an apostrophe; the rest of it is as it was."""
    formula = f'{first}HYPERLINK("http://evil.example","a, b")'
    text = written(Output.CSV, row(formula, f"a{first}b"))
    assert re.match(r"\s*'", defused(formula))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        list(COLUMNS),
        [defused(formula), f"a{first}b"],
    ]


@pytest.mark.parametrize("separator", [";", ",", "|"])
@pytest.mark.parametrize("sign", SIGNS)
def test_no_formula_stands_behind_another_countrys_separator(separator: str, sign: str) -> None:
    """A spreadsheet that splits at semicolons finds no formula in the second half either."""
    assert defused(f"BT{separator} {sign}cmd") == f"BT{separator} '{sign}cmd"


@given(st.text())
def test_any_text_is_defused(text: str) -> None:
    """Only apostrophes are added, and no formula is left."""
    field = defused(text)
    assert field.replace("'", "") == plain(text).replace("'", "")
    assert not re.search(rf"(^|[;,|])\s*[{SIGNS}]", field)


@pytest.mark.parametrize("text", ["plain", "a,b", 'say "hi"', "a;b", "ß😀", " x ", ""])
def test_csv_is_read_back_as_it_was(written: Written, text: str) -> None:
    """Commas, quotes and any letter stay within their field."""
    shown = written(Output.CSV, row(text, "BT"), row("next"))
    read = list(csv.reader(io.StringIO(shown, newline="")))
    assert read == [list(COLUMNS), [text, "BT"], ["next", ""]]


def test_csv_without_rows_has_its_header(written: Written) -> None:
    """A program that reads it finds the columns."""
    assert written(Output.CSV) == "user,provider_before\n"


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_json_is_one_array(written: Written, count: int) -> None:
    """For none, one and several rows; a line each."""
    rows = [row(f'"{number}"\n', None) for number in range(count)]
    text = written(Output.JSON, *rows)
    assert json.loads(text) == rows
    assert text.endswith("]\n")
    assert len(text.splitlines()) == (count + 2 if count else 1)


def test_json_keeps_what_it_has_a_word_for(written: Written) -> None:
    """Numbers, yes and no and nothing are not made into text; a time is text in UTC; no apostrophes."""
    (read,) = json.loads(
        written(Output.JSON, {"a": True, "b": None, "c": 3, "d": "+49", "e": MOMENT})
    )
    assert read == {"a": True, "b": None, "c": 3, "d": "+49", "e": "2026-11-23T12:00:05Z"}


@pytest.mark.parametrize("output", [Output.TABLE, Output.CSV])
def test_values_become_words(written: Written, output: Output) -> None:
    """Nothing for None, yes and no, times in UTC: in a table and in CSV."""
    text = written(output, row(True, False), row(None, MOMENT), row(7, None))
    assert [line.replace(",", " ").split() for line in text.splitlines()[1:]] == [
        ["yes", "no"],
        ["2026-11-23T12:00:05Z"],
        ["7"],
    ]


def test_a_time_of_another_zone_keeps_its_offset() -> None:
    """It is never told as if it were UTC."""
    east = MOMENT.astimezone(timezone(timedelta(hours=2)))
    assert plain(east) == "2026-11-23T14:00:05+02:00"


@pytest.mark.parametrize(
    "text",
    ["[red]x[/red]", "[/]", "[link=http://evil.example]x[/link]", ":smile:", "\\[b]", "[bold"],
)
def test_a_table_shows_markup_as_it_is(written: Written, text: str) -> None:
    """What looks like markup or an emoji's name in a value is neither obeyed nor swallowed."""
    lines = written(Output.TABLE, row(text, text)).splitlines()
    assert [line.split() for line in lines] == [["user", "provider", "before"], [text, text]]


def test_a_table_in_a_pipe_breaks_no_line(written: Written) -> None:
    """However long a value is: one line a row, so that `grep` finds all of it."""
    long = "why " * 300
    lines = written(Output.TABLE, row("a" * 113, long), row("b", "short")).splitlines()
    assert len(lines) == 3
    assert long.strip() in lines[1]
    assert lines[1].startswith("a" * 113)


def test_a_table_has_a_column_that_a_row_lacks(written: Written) -> None:
    """A row without a value for a column leaves it empty, and other values are not shown."""
    text = written(Output.TABLE, {"user": "a", "secret": "x"}, row("b", "BT"))
    assert [line.split() for line in text.splitlines()[1:]] == [["a"], ["b", "BT"]]


def test_messages_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """So that data can be piped."""
    tell("[b]3 users[/b]")
    assert capsys.readouterr() == ("", "[b]3 users[/b]\n")
