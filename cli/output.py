"""Write data to standard output: a table for people, JSON or CSV for programs; all else to stderr."""

import csv
import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from shared.text import defused, harmless_json, harmless_lines, plain

if TYPE_CHECKING:
    from shared.domain.outcome import UserResult

RESULT_COLUMNS: Final = ("user", "outcome", "provider_before", "reason", "id")
_NO_WIDTH: Final = 1_000_000


class Output(StrEnum):
    """The form of the data on standard output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputOption = Annotated[
    Output, typer.Option("--output", help="The form of the data on standard output.")
]

type Row = Mapping[str, object]


def show(rows: Iterable[Row], columns: Sequence[str], output: Output) -> None:
    """Write rows, each a value by column. JSON: one array; CSV: a header and one line per row."""
    from cli.files import keep_output_private  # noqa: PLC0415 - which says things with this module

    keep_output_private()
    match output:
        case Output.TABLE:
            _table(rows, columns)
        case Output.JSON:
            _json(rows)
        case Output.CSV:
            _csv(rows, columns)


def show_results(results: Iterable["UserResult"], output: Output) -> None:
    """Write the results of users of a run."""
    from shared.views import ResultView  # noqa: PLC0415 - only where there are results

    show((ResultView.of(each).model_dump() for each in results), RESULT_COLUMNS, output)


def tell(text: str = "") -> None:
    """Write a message for the person, on standard error."""
    print(harmless_lines(text), file=sys.stderr, flush=True)


class HarmlessFormatter(logging.Formatter):
    """Formatter of log lines that go to a terminal, whoever wrote them. inner: the one that formats."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback under it, without anything that steers a terminal."""
        return harmless_lines(self._inner.format(record))


def _table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(plain(row.get(column)) for column in columns))
    # A pipe has no width: long lines are better than broken ones there.
    width = None if sys.stdout.isatty() else _NO_WIDTH
    Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False).print(table)


def _json(rows: Iterable[Row]) -> None:
    write = sys.stdout.write
    separator = "[\n  "
    for row in rows:
        text = json.dumps(dict(row), ensure_ascii=False, default=plain)
        write(separator + harmless_json(text))
        separator = ",\n  "
    write("\n]\n" if separator.startswith(",") else "[]\n")


def _csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([defused(row.get(column)) for column in columns])
