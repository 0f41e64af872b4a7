"""Tables for people: fitted to the terminal, ids and addresses in one piece, words in color."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.text import Text

from shared.clock import SystemClock
from shared.text import plain, relative

MOST_ROWS: Final = 20
"""What a terminal shows at once; a pipe gets all."""

_NO_WIDTH: Final = 1_000_000
_GAP: Final = 2
_LEAST: Final = 16
"""Columns of the terminal that a text needs, at least, to be read."""

_FLOWING: Final = frozenset(
    {
        "reason",
        "detail",
        "details",
        "to_do",
        "name",
        "department",
        "requested_by",
        "started",
        "since",
    }
)
"""Columns of texts, which are broken between words; all others stay in one piece."""

_DROPPED: Final = ("id", "url", "domain", "country", "finished", "action", "department", "provider")
"""What a narrow terminal goes without, the first one first; CSV, XLSX and JSON have it."""

_SHARED: Final = ("signal", "run", "since", "reason")
"""What is said once above a table that does not fit, if it is the same in all rows."""

_STYLES: Final = {
    "green": (
        "moved",
        "bridge_changed",
        "finished",
        "ok",
        "would_move",
        "would_change_bridge",
        "ready",
        "on_microsoft",
    ),
    "red": ("failed", "not_found", "attention"),
    "yellow": ("waiting", "held", "interrupted", "unlicensed", "warning", "running", "released"),
    "dim": ("already_microsoft", "excluded", "cancelled"),
}
_STYLE_OF: Final = {word: style for style, words in _STYLES.items() for word in words}
_WORDS: Final = frozenset({"outcome", "state", "verdict", "standing"})
"""Columns whose words are colored: the word says the same to those who see no color."""

type Row = Mapping[str, object]


def on_terminal() -> bool:
    """Whether a person reads standard output: it is a terminal, or TTY_COMPATIBLE says it is like one.

    Source: Rich's documentation, "Console API", "Environment variables".
    """
    return sys.stdout.isatty() or os.environ.get("TTY_COMPATIBLE") == "1"


def print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print rows on standard output: fitted to a terminal, or one long line each for a pipe."""
    console = Console(
        file=sys.stdout,
        width=None if on_terminal() else _NO_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
    # A pipe has no width: long lines are better than broken ones there, and times are for programs.
    now = SystemClock().now() if on_terminal() else None
    console.print(fitted(rows, columns, console.width, now), soft_wrap=True)


def fitted(
    rows: Iterable[Row], columns: Sequence[str], width: int, now: datetime | None
) -> RenderableType:
    """Return rows as a table of at most `width`, or one below the other where they do not fit.

    now: times are shown relative to it, in local time; None: in ISO 8601 (UTC).
    """
    cells = [{column: _cell(row.get(column), now) for column in columns} for row in rows]
    shown = [name for name in columns if now is None or _is_used(cells, name)]
    widths = _widths(cells, shown, width)
    shared: list[str] = []
    if widths is None and len(cells) > 1:
        shared = [name for name in _SHARED if name in shown[1:] and _is_one(cells, name)]
        shown = [name for name in shown if name not in shared]
        widths = _widths(cells, shown, width)
    above = [line for name in shared for line in _labeled(name, cells[0][name], width)]
    above = [Text(f"the same for all {len(cells):,}:"), *above] if above else []
    whole = shown
    for name in _DROPPED:
        if widths is None and name in shown[1:]:
            shown = [each for each in shown if each != name]
            widths = _widths(cells, shown, width)
    if widths is None:
        return Group(*above, *_stacked(cells, [name for name in whole if name != "id"], width))
    widths = {name: widths[name] for name in shown}
    (head,) = _lines({name: _title(name) for name in shown}, widths)
    head.stylize("bold")
    return Group(*above, head, *(line for row in cells for line in _lines(row, widths)))


def when(moment: datetime, now: datetime) -> str:
    """Return a time as people say it: local, with how long ago it was or how soon it will be."""
    local = moment.astimezone()
    year = "" if local.year == now.astimezone().year else f" {local.year}"
    ago = relative((now - moment).total_seconds(), "in less than a minute")
    return f"{local.day} {local:%b}{year} {local:%H:%M} ({ago})"


def counts(numbers: Mapping[str, int]) -> str:
    """Return the counts of a run that are not zero, by name."""
    return ", ".join(f"{plain(name)} {count:,}" for name, count in numbers.items() if count)


def _cell(value: object, now: datetime | None) -> str:
    return when(value, now) if now and isinstance(value, datetime) else plain(value)


def _is_one(cells: Sequence[Mapping[str, str]], name: str) -> bool:
    return len({row[name] for row in cells}) == 1


def _is_used(cells: Sequence[Mapping[str, str]], name: str) -> bool:
    return not cells or any(row[name] for row in cells)


def _widths(
    cells: Sequence[Mapping[str, str]], shown: Sequence[str], width: int
) -> dict[str, int] | None:
    """Return each column's width; None: the texts would get too little space."""
    needed = {
        name: max([cell_len(name), *(cell_len(row[name]) for row in cells)]) for name in shown
    }
    flowing = [name for name in shown if name in _FLOWING]
    least = {name: min(needed[name], max(_LEAST, _longest_word(cells, name))) for name in flowing}
    left = width - sum(needed[name] for name in shown if name not in _FLOWING)
    left -= _GAP * (len(shown) - 1)
    for place, name in enumerate(flowing):
        kept = sum(least[other] for other in flowing[place + 1 :])
        needed[name] = min(needed[name], max(left - kept, least[name]))
        left -= needed[name]
    return needed if left >= 0 else None


def _lines(row: Mapping[str, str], widths: Mapping[str, int]) -> list[Text]:
    """Return the lines of a row: texts are broken between words, the rest stands in the first line."""
    parts = [
        _wrapped(row[name], width) if name in _FLOWING else [row[name]]
        for name, width in widths.items()
    ]
    lines = []
    for some in zip_longest(*parts, fillvalue=""):
        line = Text()
        for (name, width), part in zip(widths.items(), some, strict=True):
            line.append(_colored(name, part)).append(" " * (width - cell_len(part) + _GAP))
        line.rstrip()
        lines.append(line)
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width`; a word that is longer has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and cell_len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _longest_word(cells: Sequence[Mapping[str, str]], name: str) -> int:
    """Return the width of what must not be broken: an address or a number in a text."""
    return max((cell_len(word) for row in cells for word in row[name].split()), default=0)


def _stacked(cells: Sequence[Mapping[str, str]], shown: Sequence[str], width: int) -> list[Text]:
    """Return each row as lines: its first value by itself, the others below it, each with its name."""
    lines: list[Text] = []
    for row in cells:
        lines.append(Text(row[shown[0]]))
        for name in (name for name in shown[1:] if row[name]):
            lines += _labeled(name, row[name], width)
    return lines


def _labeled(name: str, value: str, width: int) -> list[Text]:
    """Return a value behind its name, which is left out where the longest word has no room beside it."""
    title = f"{_title(name)}: "
    parts = _wrapped(value, width - _GAP - len(title)) if name in _FLOWING else [value]
    if max(map(cell_len, parts)) > width - _GAP - len(title):
        title, parts = "", _wrapped(value, width - _GAP) if name in _FLOWING else [value]
    starts = [title, *(" " * len(title) for _ in parts[1:])]
    return [
        Text(" " * _GAP + start).append(_colored(name, part))
        for start, part in zip(starts, parts, strict=True)
    ]


def _title(name: str) -> str:
    return name.replace("_", " ")


def _colored(name: str, value: str) -> Text:
    return Text(value, style=_STYLE_OF.get(value, "") if name in _WORDS else "")
