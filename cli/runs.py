"""`acp runs`, `acp run`: show runs."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.endings import progress, status, tell_waits
from cli.form import with_form
from cli.options import RunArgument
from cli.output import Form, Row, show, tell
from cli.results import ReportOption, Written, check_report
from cli.table import counts, when
from shared.domain.progress import OPEN, done, expected
from shared.text import counted, plain

if TYPE_CHECKING:
    from shared.domain.run import Run

_RUNS = ("run", "state", "started", "finished", "users", "requested_by", "ticket", "reason")
_POLL_SECONDS = 2.0
_WAIT_SECONDS = 15.0


@with_form()
def runs(
    *,
    months: Annotated[
        int, typer.Option(min=1, max=120, metavar="NUMBER", help="How many months back.")
    ] = 2,
    settings: SettingsOption = None,
    output: Form,
) -> None:
    """List the runs, sweeps and requested ones, the newest first.

    Example: `acp runs`
    """

    async def ask() -> list[Row]:
        async with connect(settings) as app:
            return [_row(run) async for run in app.run_history.runs(months)]

    nothing = f"no runs in the last {counted(months, 'month')}: acp move begins one, or a sweep"
    show(asyncio.run(ask()), _RUNS, output, nothing=nothing, sheet="Runs")


@with_form()
def run(
    *,
    run_id: RunArgument,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Show its progress until every user has an outcome."),
    ] = False,
    until_settled: Annotated[
        bool,
        typer.Option("--until-settled", help="The same, and until nobody of it waits any more."),
    ] = False,
    report: ReportOption = None,
    settings: SettingsOption = None,
    output: Form,
) -> int:
    """Show a run: its counts, and what happened to each user of it where that was recorded.

    Users who need somebody come first, then those moved, with old and new number. A user who waits is told
    here once that is over, whatever ended it. Ends with 1 when the run failed, is held, was cancelled or
    waits for `acp move --resume`; or when some of its users failed, are held, were not found or need
    attention, or were named and are unlicensed. To wait or to be skipped is no failure.

    Example: `acp run 20261123T020000Z-sweep-1f2e --report sweep.html`
    """
    check_report(report)
    written = Written(output, report)
    follow = follow or until_settled
    return asyncio.run(_run(run_id, settings, written, follow=follow, until_settled=until_settled))


async def _run(
    run_id: str, settings: Path | None, written: Written, *, follow: bool, until_settled: bool
) -> int:
    async with connect(settings) as app:
        said = ""
        while True:
            found = await app.run_outcomes.shown(await app.run_history.run(run_id))
            if not (follow and _is_worked_on(found)):
                waits = await app.run_waits.of(found)
                if not (until_settled and (waits.due or waits.untold)):
                    break
            text = progress(found.state, done(found), expected(found), found.counts)
            if text != said:
                tell(text)
                said = text
            # All who wait are read each time: where nobody else is left, they are not due every moment.
            await asyncio.sleep(_POLL_SECONDS if _is_worked_on(found) else _WAIT_SECONDS)
        results = [result async for result in app.adapters.runs.results(run_id)]
        tell(_summary(found, app.adapters.clock.now()))
        tell_waits(found.id, waits, app.adapters.clock.now())
        if effects := await app.effects.of(found):
            for line in effects.lines():
                tell(line)
        await written.write(app, found, results)
    state = "open" if _is_worked_on(found) else found.state
    outcomes = (result.outcome for result in results)
    return status(outcomes, by_name=found.by_name, state=state, attention=waits.attention)


def _is_worked_on(found: "Run") -> bool:
    """Whether the run is being carried out: after Ctrl-C it waits for `acp move --resume`."""
    if found.cause == "request" and found.state == "interrupted":
        return False
    return found.state in OPEN


def _row(found: "Run") -> Row:
    return {
        "run": found.id,
        "state": str(found.state),
        "started": found.started_at,
        "finished": found.finished_at,
        "users": found.counts.get("users", 0),
        "requested_by": found.requested_by,
        "decided_by": found.decided_by,
        "ticket": found.ticket,
        "note": found.note,
        "reason": found.reason,
    }


def _summary(found: "Run", now: datetime) -> str:
    text = f"{found.id} {found.state}, began {when(found.started_at, now)}"
    if found.reason:
        text += f"\n{plain(found.reason)}"
    if numbers := counts(found.counts):
        text += f"\n{numbers}"
    if found.requested_by:
        text += f"\nrequested by {plain(found.requested_by)}"
    if found.ticket or found.note:
        text += f"\nbecause of {plain(': '.join(filter(None, (found.ticket, found.note))))}"
    if found.decided_by:
        text += f"\ndecided by {plain(found.decided_by)}"
    if found.cause == "request" and found.state == "interrupted":
        text += f"\nresume with: acp move --resume {found.id}"
    return text
