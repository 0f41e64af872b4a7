"""Tables for people: they fit, nothing that is copied is broken, and a word stands beside each color."""

import io
from datetime import timedelta

import pytest
from rich.console import Console

from cli.table import Row, fitted, when
from shared.text import counted
from tests.fakes import NOON, guid

COLUMNS = ("user", "outcome", "details", "id")
ADDRESS = "maria-magdalena.von-und-zu-hohenstein@contoso.example"
LONG = f"Microsoft 365 is busy: try again later (Teams: PUT /users/x: HTTP 503) {ADDRESS} " * 2
ROWS: list[Row] = [
    {"user": ADDRESS, "outcome": "failed", "details": LONG, "id": guid(1)},
    {"user": "a@x.example", "outcome": "moved", "details": "short", "id": guid(2)},
]


def drawn(rows: list[Row], width: int, columns: tuple[str, ...] = COLUMNS, **how: str) -> str:
    """What a terminal of that width shows."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=True, color_system="standard", _environ=how
    )
    console.print(fitted(rows, columns, width, NOON), soft_wrap=True)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_table_fits_and_breaks_no_address(width: int) -> None:
    """No line is wider than the terminal, and each address is in one piece, also in a text."""
    shown = drawn(ROWS, width, NO_COLOR="1", TERM="dumb")
    plain = shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= width
    assert plain.count(ADDRESS) == 3
    assert all(word in plain for word in ("failed", "moved", "short"))


def test_the_id_is_there_where_it_fits() -> None:
    """It is the first to go: files have it. A user without an address is called by the id."""
    rows: list[Row] = [{"user": "a@x.example", "outcome": "moved", "details": "d", "id": guid(2)}]
    assert guid(2) in drawn(rows, 120)
    assert guid(2) not in drawn(rows, 50)
    assert guid(2) in drawn([{"user": guid(2), "outcome": "failed", "details": LONG}], 20)


HELD = ("user", "provider", "country", "signal", "run", "since", "reason", "id")
WHY = "it would replace the conference IDs of 12 users; ACP_GUARD_MAX_MOVES is 1 per 60 minutes"


def test_what_is_the_same_in_all_rows_is_said_once() -> None:
    """Where a table does not fit with it: what differs has room then, and nothing is repeated."""
    every = {"signal": "sweep", "run": "20261130T070837Z-sweep-8111d23c", "since": NOON}
    rows: list[Row] = [
        {"user": user, "provider": provider, **every, "reason": WHY, "id": guid(1)}
        for user, provider in (("adele.nguyen26@contoso.example", "PGi"), ("b@x.example", "BT"))
    ]
    shown = plainly(rows, HELD, 80)
    assert shown[0] == "the same for all 2:"
    assert shown[1:3] == ["  signal: sweep", "  run: 20261130T070837Z-sweep-8111d23c"]
    assert [line.split()[:2] for line in shown[-3:]] == [
        ["user", "provider"],
        ["adele.nguyen26@contoso.example", "PGi"],
        ["b@x.example", "BT"],
    ]
    assert " ".join(" ".join(shown).split()).count(WHY) == 1
    wide = plainly(rows, HELD, 300)
    assert wide[0].startswith("user ")
    assert " ".join(wide).count(WHY) == 2


def test_values_below_each_other_have_their_names() -> None:
    """Where nothing fits beside anything: each value is named, none is left out but the id."""
    row: Row = {"user": ADDRESS, "provider": "BT", "country": "GB", "reason": LONG, "id": guid(1)}
    shown = plainly([row], HELD, 60)
    assert shown[:3] == [ADDRESS, "  provider: BT", "  country: GB"]
    assert guid(1) not in "".join(shown)


def plainly(rows: list[Row], columns: tuple[str, ...], width: int) -> list[str]:
    """The lines that a terminal without colors shows."""
    shown = drawn(rows, width, columns, NO_COLOR="1", TERM="dumb")
    lines = shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


def test_words_are_colored_and_stay_words() -> None:
    """Red and green are only beside the word; NO_COLOR takes them away."""
    shown = drawn(ROWS, 120)
    assert "\x1b[31mfailed" in shown
    assert "\x1b[32mmoved" in shown
    assert "\x1b[3" not in drawn(ROWS, 120, NO_COLOR="1")


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(0), "(just now)"),
        (timedelta(seconds=59), "(just now)"),
        (timedelta(minutes=1), "(1 minute ago)"),
        (timedelta(hours=5, minutes=59), "(5 hours ago)"),
        (timedelta(days=2), "(2 days ago)"),
        (timedelta(minutes=-3), "(in 3 minutes)"),
        (timedelta(seconds=-3), "(in less than a minute)"),
    ],
)
def test_times_are_local_and_relative(ago: timedelta, words: str) -> None:
    """As people say them: the local time, and how long ago that was."""
    local = (NOON - ago).astimezone()
    assert when(NOON - ago, NOON) == f"{local.day} {local:%b %H:%M} {words}"


def test_a_time_of_another_year_has_its_year() -> None:
    """Else a run of last year would look like one of today."""
    assert " 2025 " in when(NOON - timedelta(days=365), NOON)


def test_one_is_one() -> None:
    """1 user, 2 users, 1,000 entries."""
    said = [counted(1, "user"), counted(2, "user"), counted(1_000, "entry", "entries")]
    assert said == ["1 user", "2 users", "1,000 entries"]
