"""`acp runs`, `acp run`, `acp release`: what runs did, and letting a held sweep go."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.output import Output, OutputOption, Row, show, tell
from cli.results import COLUMNS, row
from shared.text import plain

if TYPE_CHECKING:
    from shared.desk import Desk
    from shared.domain.outcome import UserResult
    from shared.storage.runs import Run

_RUNS = ("run", "state", "started", "finished", "users", "reason")
_LOOK_EVERY = 2.0
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
    """List the runs, sweeps and those that people asked for, the newest first.

    Example: `acp runs`
    """

    async def ask() -> list[Row]:
        async with connect(settings) as desk:
            return [_row(run) async for run in desk.reports.runs(months)]

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
    found, results, text = asyncio.run(
        _run(run_id, settings, follow=follow, report=report is not None)
    )
    if report is not None:
        _write(text, report)
    tell(_told(found))
    if results or output is not Output.TABLE:
        show(results, COLUMNS, output)
    bad = found.state in ("failed", "held") or found.counts.get("failed", 0)
    return 1 if bad else 0


def release(run_id: RunArgument, settings: SettingsOption = None) -> None:
    """Let a held sweep go on: its users are queued within a minute.

    A sweep is held when it would move more users than ACP_SWEEP_MAX_MOVES or ACP_SWEEP_MAX_SHARE
    permit; `acp run RUN` says how many.

    Example: `acp release 20261123T020000Z-sweep-1f2e`
    """

    async def let_go() -> None:
        async with connect(settings) as desk:
            await desk.app.sweeper.release(run_id)

    asyncio.run(let_go())
    tell(f"{run_id} is released; the app queues its users within a minute")


async def _run(
    run_id: str, settings: Path | None, *, follow: bool, report: bool
) -> "tuple[Run, list[Row], str]":
    async with connect(settings) as desk:
        found = await desk.reports.run(run_id)
        while follow and _goes_on(found):
            tell(_told(found))
            await asyncio.sleep(_LOOK_EVERY)
            found = await desk.reports.run(run_id)
        known = [result async for result in desk.app.runs.results(run_id)]
        text = await _page(desk, found, known) if report else ""
    results = [row(result) for result in known]
    return found, results, text


async def _page(desk: "Desk", found: "Run", results: "list[UserResult]") -> str:
    from cli.report import page  # noqa: PLC0415 - only where a report is wanted

    changes = [change async for change in desk.numbers.of(results)]
    settings = await desk.app.teams.conferencing_settings()
    return page(found, changes, settings, desk.app.clock.now())


def _write(text: str, file: Path) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--report {file}: cannot be written ({error.strerror})", 2) from error
    tell(f"report: {file}")


def _goes_on(found: "Run") -> bool:
    """Whether anybody works on the run: one that Ctrl-C interrupted waits for `acp move --resume`."""
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


def _told(found: "Run") -> str:
    counts = ", ".join(f"{name} {count:,}" for name, count in found.counts.items() if count)
    reason = f" ({found.reason})" if found.reason else ""
    return f"{found.id} {found.state}{reason}, began {plain(found.started_at)}: {counts}"
