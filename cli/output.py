"""Write data to standard output: a table for people, files for programs; all else to stderr."""

import csv
import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from shared.text import defused, harmless_json, harmless_lines, plain

if TYPE_CHECKING:
    from shared.domain.outcome import UserResult

RESULT_COLUMNS: Final = ("user", "outcome", "provider_before", "reason", "id")


class Output(StrEnum):
    """The form of the data on standard output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of the data, and its details.

    bom, delimiter: of CSV. everything: a table on a terminal shows more than its first rows.
    """

    kind: Output = Output.TABLE
    bom: bool = False
    delimiter: str = ","
    everything: bool = False


OutputOption = Annotated[
    Output,
    typer.Option("--output", help="The form of the data on standard output; xlsx needs `> FILE`."),
]

type Row = Mapping[str, object]


def show(
    rows: Iterable[Row],
    columns: Sequence[str],
    output: Output | Form,
    *,
    nothing: str = "",
    hint: str = "--all shows them",
    sheet: str = "List",
) -> None:
    """Write rows, each a value by column. JSON: one array; CSV: a header and one line per row.

    For tables: what to say instead of one without rows, and how to see those that are left out.
    sheet: its name in XLSX.
    """
    from cli.files import keep_output_private  # noqa: PLC0415 - which says things with this module

    form = output if isinstance(output, Form) else Form(output)
    keep_output_private()
    match form.kind:
        case Output.TABLE:
            _table(rows, columns, form, nothing, hint)
        case Output.JSON:
            _json(rows)
        case Output.CSV:
            lines = CsvWriter(sys.stdout, columns, form)
            for row in rows:
                lines.add(row)
        case Output.XLSX:
            from cli.workbook import standard_output  # noqa: PLC0415 - only here
            from shared.workbook import Workbook  # noqa: PLC0415 - its library

            with standard_output() as file, Workbook(file) as book:
                book.begin(sheet, columns)
                for row in rows:
                    book.add(sheet, row)


def show_results(results: Iterable["UserResult"], output: Output | Form) -> None:
    """Write the results of users of a run."""
    from shared.views.runs import ResultView  # noqa: PLC0415 - only where there are results

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


def _table(
    rows: Iterable[Row], columns: Sequence[str], form: Form, nothing: str, hint: str
) -> None:
    from cli.table import MOST_ROWS, on_terminal, print_table  # noqa: PLC0415 - rich, for people only

    rest = iter(rows)
    shown = list(islice(rest, MOST_ROWS if on_terminal() and not form.everything else None))
    if shown or not nothing:
        print_table(shown, columns)
    else:
        tell(nothing)
    if left := sum(1 for _ in rest):
        tell(f"... and {left:,} more: {hint}")


def _json(rows: Iterable[Row]) -> None:
    write = sys.stdout.write
    separator = "[\n  "
    for row in rows:
        text = json.dumps(dict(row), ensure_ascii=False, default=plain)
        write(separator + harmless_json(text))
        separator = ",\n  "
    write("\n]\n" if separator.startswith(",") else "[]\n")


class CsvWriter:
    """Writes a header and one line per row, in which no spreadsheet finds a formula."""

    def __init__(self, file: TextIO, columns: Sequence[str], form: Form) -> None:
        if form.bom:
            file.write("\ufeff")
        self._columns = columns
        self._writer = csv.writer(file, lineterminator="\n", delimiter=form.delimiter)
        self._writer.writerow(columns)

    def add(self, row: Row) -> None:
        """Write a row."""
        self._writer.writerow([defused(row.get(column)) for column in self._columns])
