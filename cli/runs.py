"""`acp runs`, `acp run`: show runs."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.files import write_private
from cli.output import Output, OutputOption, Row, show, show_results, tell
from shared.text import plain

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.outcome import UserResult
    from shared.domain.run import Run

_RUNS = ("run", "state", "started", "finished", "users", "reason")
_POLL_SECONDS = 2.0
_ENDED = frozenset({"finished", "failed", "held"})

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id; `acp runs` lists them.")
]


def runs(
    months: Annotated[
        int, typer.Option(min=1, max=120, metavar="NUMBER", help="How many months back.")
    ] = 2,
    settings: SettingsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the runs, sweeps and requested ones, the newest first.

    Example: `acp runs`
    """

    async def ask() -> list[Row]:
        async with connect(settings) as app:
            return [_row(run) async for run in app.run_history.runs(months)]

    show(asyncio.run(ask()), _RUNS, output)


def run(
    run_id: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show its progress until it ends.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write it as one HTML page, too."),
    ] = None,
    settings: SettingsOption = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Show a run: its counts, and what happened to each user of it where that was recorded.

    Ends with 1 when the run failed or is held, or some of its users failed.

    Example: `acp run 20261123T020000Z-sweep-1f2e --report sweep.html`
    """
    found, results, text, effects = asyncio.run(
        _run(run_id, settings, follow=follow, report=report is not None)
    )
    if report is not None:
        write_private(report, text, "--report")
        tell(f"report: {report}")
    tell(_summary(found))
    for line in effects:
        tell(line)
    if results or output is not Output.TABLE:
        show_results(results, output)
    bad = found.state in ("failed", "held") or found.counts.get("failed", 0)
    return 1 if bad else 0


async def _run(
    run_id: str, settings: Path | None, *, follow: bool, report: bool
) -> "tuple[Run, list[UserResult], str, list[str]]":
    async with connect(settings) as app:
        found = await app.run_history.run(run_id)
        while follow and _is_worked_on(found):
            tell(_summary(found))
            await asyncio.sleep(_POLL_SECONDS)
            found = await app.run_history.run(run_id)
        known = [result async for result in app.adapters.runs.results(run_id)]
        text = await _page(app, found, known) if report else ""
        effects = await app.effects.of(found)
    return found, known, text, list(effects.lines()) if effects else []


async def _page(app: "App", found: "Run", results: "list[UserResult]") -> str:
    from cli.report import page  # noqa: PLC0415 - only where a report is wanted

    changes = [change async for change in app.number_changes.of(results)]
    switches = await app.adapters.teams.switches()
    return page(found, changes, switches, app.adapters.clock.now())


def _is_worked_on(found: "Run") -> bool:
    """Whether the run is being carried out: after Ctrl-C it waits for `acp move --resume`."""
    if found.cause == "request" and found.state == "interrupted":
        return False
    return found.state not in _ENDED


def _row(found: "Run") -> Row:
    return {
        "run": found.id,
        "state": str(found.state),
        "started": found.started_at,
        "finished": found.finished_at,
        "users": found.counts.get("users", 0),
        "reason": found.reason,
    }


def _summary(found: "Run") -> str:
    counts = ", ".join(f"{plain(name)} {count:,}" for name, count in found.counts.items() if count)
    reason = f" ({plain(found.reason)})" if found.reason else ""
    text = f"{found.id} {found.state}{reason}, began {plain(found.started_at)}: {counts}"
    if found.cause == "request" and found.state == "interrupted":
        text += f"\nresume with: acp move --resume {found.id}"
    return text
