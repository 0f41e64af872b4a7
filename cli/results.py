"""The results of a run: a table for people, or CSV and XLSX with names and numbers."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from cli.advice import advised, rank, worst_first
from cli.errors import CommandError
from cli.files import keep_output_private, private_file, write_private
from cli.output import RESULT_COLUMNS, CsvWriter, Form, Output, Row, show, show_results, tell
from cli.table import MOST_ROWS, on_terminal
from cli.workbook import standard_output
from shared.clock import SystemClock
from shared.workbook import Workbook

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.outcome import UserResult
    from shared.domain.run import Run
    from shared.views.runs import RunView

COLUMNS: Final = (
    "time",
    "run",
    "user",
    "name",
    "department",
    "country",
    "provider_before",
    "number_before",
    "toll_free_before",
    "number_after",
    "toll_free_after",
    "outcome",
    "reason",
    "requested_by",
    "ticket",
    "id",
)
SAVED_COLUMNS: Final = (
    "user",
    "provider_before",
    "number_before",
    "toll_free_before",
    "time",
    "id",
)
_TABLE: Final = ("user", "outcome", "details", "id")
_SHEETS: Final = ("Moved", "Skipped", "Failed", "Held", "Waiting")
_SHEET_OF: Final = {
    "moved": "Moved",
    "would_move": "Moved",
    "bridge_changed": "Moved",
    "would_change_bridge": "Moved",
    "failed": "Failed",
    "not_found": "Failed",
    "waiting": "Waiting",
    "held": "Held",
}
_HELD: Final = re.compile(r"(.*); held: .*; on the list of (\S+)", re.DOTALL)
"""The reason of a held user: why the guard holds is the same for all, and said by `acp held`."""

_REPORTS: Final = (".html", ".xlsx")


ReportOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        dir_okay=False,
        help="Write a report of all users, too: FILE.html, one page to share, or FILE.xlsx.",
    ),
]


@dataclass(frozen=True, slots=True)
class Written:
    """Where the results of a move go: standard output, and a report if one is wanted."""

    form: Form
    report: Path | None

    async def write(self, app: "App", run: "Run | None", results: Sequence["UserResult"]) -> None:
        """Write them. run: None for a dry run."""
        hint = f"acp run {run.id} --all shows them" if run else "--output csv shows them"
        await show_run(app, run, results, self.form, hint)
        if self.report is not None:
            with _late():
                await write_report(app, run, results, self.report)

    def write_details(self, rows: Sequence[Row], run: "RunView") -> None:
        """Write results that a deployed app sent with their details, in the form of those of `write`."""
        form = self.form
        if form.kind is Output.JSON:
            show(
                [{name: row[name] for name in RESULT_COLUMNS} for row in rows], RESULT_COLUMNS, form
            )
        else:
            show_details(rows, run, form, f"acp run {run.id} --all shows them")
        if self.report is not None:
            with _late():
                asyncio.run(_write(self.report, run, _each(rows), []))


@contextmanager
def _late() -> Iterator[None]:
    """Let an error say that users may have been changed by now, which status 2 would deny."""
    try:
        yield
    except CommandError as error:
        raise CommandError(f"{error}; the results are above, and in `acp run`", 1) from error


async def show_run(
    app: "App", run: "Run | None", results: Sequence["UserResult"], form: Form, hint: str
) -> None:
    """Write the results of a run, or of a dry run (None). hint: how to see those left out."""
    match form.kind:
        case Output.TABLE:
            shown = sorted(results, key=lambda result: rank(result.outcome))
            if on_terminal() and not form.everything:
                shown = shown[:MOST_ROWS]
            rows = [row async for row in _rows(app, run, shown)]
            show(map(people_row, rows), _TABLE, form)
            if any(row["outcome"] == "held" for row in rows):
                tell("acp held says why users are held; acp release RUN releases them")
            if left := len(results) - len(shown):
                tell(f"... and {left:,} more: {hint}")
        case Output.JSON:
            show_results(results, form)
        case Output.CSV:
            keep_output_private()
            lines = CsvWriter(sys.stdout, COLUMNS, form)
            async for row in _rows(app, run, results):
                lines.add(row)
        case Output.XLSX:
            keep_output_private()
            with standard_output() as file:
                await fill(file, run, _rows(app, run, results))


def show_details(rows: Sequence[Row], run: "RunView", form: Form, hint: str) -> None:
    """Write results that a deployed app sent with their details, in the form of those of `show_run`."""
    match form.kind:
        case Output.TABLE:
            shown = sorted(rows, key=lambda row: rank(str(row["outcome"])))
            show(map(people_row, shown), _TABLE, form, hint=hint)
        case Output.XLSX:
            with standard_output() as file:
                asyncio.run(fill(file, run, _each(rows)))
        case _:
            show(rows, COLUMNS, form)


async def write_report(
    app: "App", run: "Run | None", results: Sequence["UserResult"], file: Path
) -> None:
    """Write a report of a run, or of a dry run (None), as HTML or XLSX by the name of the file."""
    effects = [] if _is_workbook(file) else await _side_effects(app)
    await _write(file, run, _rows(app, run, results), effects)


async def _write(
    file: Path,
    run: "Run | RunView | None",
    rows: AsyncIterable[Row],
    effects: Sequence[tuple[str, str]],
) -> None:
    check_report(file)
    if _is_workbook(file):
        with private_file(file, "--report") as opened:
            await fill(opened, run, rows)
    else:
        from cli.report import page  # noqa: PLC0415 - only where a report is wanted

        details = worst_first([row async for row in rows])
        write_private(file, page(run, details, effects, SystemClock().now()), "--report")
    tell(f"report: {file}")


def _is_workbook(file: Path) -> bool:
    return file.suffix.lower() == ".xlsx"


async def _side_effects(app: "App") -> list[tuple[str, str]]:
    from cli.report import side_effects  # noqa: PLC0415 - only where a report is wanted
    from shared.errors import ServiceError  # noqa: PLC0415

    try:
        return side_effects(await app.adapters.teams.switches())
    except ServiceError as error:
        tell(f"warning: the report does not say which side effects the tenant has: {error}")
        return []


def check_report(file: Path | None) -> None:
    """Raise CommandError when a report cannot have this name."""
    if file is None:
        return
    if file.suffix.lower() not in _REPORTS:
        raise CommandError(f"--report {file}: a name that ends in .html or .xlsx is needed", 2)
    if not os.access(file.absolute().parent, os.W_OK):
        raise CommandError(f"--report {file}: its folder is not there, or not yours to write", 2)


async def _each(rows: Iterable[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


def people_row(row: Row) -> Row:
    """Return a row of the table: what to do about a failure, the numbers of a move."""
    if row["outcome"] == "held" and (held := _HELD.fullmatch(str(row["reason"]))):
        others = "" if held[2] == row.get("run") else f"; on the list of {held[2]}"
        return {**row, "details": held[1] + others}
    found = advised(row)
    before, after = row.get("number_before"), row.get("number_after")
    if before or after:
        old = f"{row.get('provider_before') or 'none'} {before or '(no number)'}"
        return {**found, "details": f"{old} -> {after or 'a new number, not read'}"}
    return {**found, "details": found["reason"]}


async def fill(file: BinaryIO, run: "Run | RunView | None", rows: AsyncIterable[Row]) -> None:
    """Write the workbook of a run: Summary, Moved, Skipped, Failed, Held, Waiting, Saved."""
    counts: dict[str, int] = {}
    with Workbook(file) as book:
        book.begin("Summary", ("what", "value"))
        for name in _SHEETS:
            book.begin(name, COLUMNS)
        book.begin("Saved", SAVED_COLUMNS)
        async for row in rows:
            outcome = str(row["outcome"])
            counts[outcome] = counts.get(outcome, 0) + 1
            book.add(_SHEET_OF.get(outcome, "Skipped"), row)
            if row["number_before"] or row["toll_free_before"]:
                book.add("Saved", row)
        for what, value in _summary(run, counts):
            book.add("Summary", {"what": what, "value": value})


def _summary(run: "Run | RunView | None", counts: dict[str, int]) -> Iterable[tuple[str, object]]:
    if run is None:
        yield "run", "a dry run: nothing was changed"
    else:
        yield from (("run", run.id), ("state", run.state), ("reason", run.reason))
        yield from (("began", run.started_at), ("ended", run.finished_at))
        yield from (("requested by", run.requested_by), ("decided by", run.decided_by))
        yield from (("ticket", run.ticket), ("note", run.note))
    yield from counts.items()
    yield "conference IDs", "left out: acp saved has them"


async def _rows(
    app: "App", run: "Run | None", results: Iterable["UserResult"]
) -> AsyncIterator[Row]:
    """Yield the rows of results; says in the end whether some could not be completed."""
    from shared.views.runs import DetailView  # noqa: PLC0415 - so that --help stays fast

    missing = 0
    async for detail in app.result_details.of(results):
        missing += not detail.complete
        yield DetailView.of(run, detail).model_dump()
    if missing:
        tell(f"warning: names or numbers of {missing:,} could not be read now")
