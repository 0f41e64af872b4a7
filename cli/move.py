"""`acp move`: Microsoft becomes the provider of the users that a person names."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.move_names import Selection, select
from cli.move_progress import Interrupts, progress
from cli.output import Output, OutputOption, show, tell
from cli.results import COLUMNS, row

if TYPE_CHECKING:
    from shared.desk import Desk
    from shared.domain.outcome import UserResult
    from shared.storage.runs import Run

_TROUBLE = frozenset({"failed", "not_found", "unlicensed"})
_INTERRUPTED = 130


def move(
    *,
    users: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Ids or addresses, separated by commas or blanks."),
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="A CSV file with a user a line; - is stdin.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="CSV: the column with the users.")
    ] = None,
    skip_bad_lines: Annotated[
        bool, typer.Option("--skip-bad-lines", help="CSV: go on with the other lines.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="All users of one third-party provider.")
    ] = None,
    all_third_party: Annotated[
        bool, typer.Option("--all-third-party", help="All users of any third-party provider.")
    ] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was interrupted.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would happen to whom and why; no change.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    app: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Let the deployed app do it; its key is in ACP_APP_KEY."),
    ] = None,
    settings: SettingsOption = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Make Microsoft the audio conferencing provider of the users you name, now.

    Each user is looked at as the function app does it: only licensed users are moved, and what is
    replaced is saved before. Ctrl-C finishes the users being moved; `--resume` goes on.

    Ends with 0 when all is done, 1 when users failed, are not licensed or unknown, 2 for bad input,
    3 when Microsoft 365 or the storage could not be reached, 130 when interrupted.

    Examples:

    `acp move --users "adele@contoso.com, alex@contoso.com" --dry-run`

    `acp move --csv users.csv --column UPN --yes --output csv > results.csv`

    `acp move --provider InterCall`

    `acp move --csv users.csv --app https://contoso-acp.azurewebsites.net`
    """
    chosen = [users is not None, csv is not None, provider is not None, all_third_party]
    if sum([*chosen, resume is not None]) != 1:
        raise CommandError(
            "name the users with one of --users, --csv, --provider, --all-third-party, --resume", 2
        )
    if column is not None and csv is None:
        raise CommandError("--column names a column of a --csv file", 2)
    if resume is not None and dry_run:
        raise CommandError("--resume moves those who are left; it does not go with --dry-run", 2)
    selection = Selection(users, csv, column, skip_bad_lines, provider)
    if app is not None:
        return _move_by_app(app, selection, resume, output, dry_run=dry_run, yes=yes)
    if resume is not None:
        return asyncio.run(_resume(resume, settings, output))
    return asyncio.run(_move(selection, settings, output, dry_run=dry_run, yes=yes))


async def _move(
    selection: Selection, settings: Path | None, output: Output, *, dry_run: bool, yes: bool
) -> int:
    names = selection.given()
    async with connect(settings) as desk:
        if names is None:
            names = await select(desk, selection.provider)
        tell(f"{len(names):,} users")
        if not names:
            raise CommandError("no users were found; nothing was done", 2)
        await _tell_side_effects(desk)
        if dry_run:
            results = [result async for result in desk.previewer.preview(names)]
            show((row(result) for result in results), COLUMNS, output)
            tell(f"dry run, nothing was changed: {_counted(results)}")
            return 1 if _troubled(results) else 0
        if not yes:
            _confirm(len(names))
        run = await desk.requester.begin(names)
        tell(f"run {run.id}")
        return await _carry_out(desk, run, output)


def _move_by_app(
    url: str, selection: Selection, resume: str | None, output: Output, *, dry_run: bool, yes: bool
) -> int:
    from cli.move_app import RemoteApp  # noqa: PLC0415 - httpx, which other commands may not need

    names = None if resume else selection.given()
    with RemoteApp(url, os.environ.get("ACP_APP_KEY")) as app:
        if resume is None:
            if not (yes or dry_run):
                _confirm(len(names) if names is not None else "all")
            wish = selection.wish(names)
            resume = app.begin({**wish, "dry_run": dry_run})
        tell(f"run {resume}")
        app.follow(resume)
        rows = list(app.results(resume))
    troubled = [each for each in rows if each["outcome"] in _TROUBLE]
    show(troubled if output is Output.TABLE and not dry_run else rows, COLUMNS, output)
    return 1 if troubled else 0


async def _resume(run_id: str, settings: Path | None, output: Output) -> int:
    async with connect(settings) as desk:
        run = await desk.requester.find(run_id)
        return await _carry_out(desk, run, output)


async def _carry_out(desk: "Desk", run: "Run", output: Output) -> int:
    go_on = f"go on with: acp move --resume {run.id}"
    try:
        with progress(run.counts["users"]) as told, Interrupts(desk.requester.stop) as interrupts:
            run = await desk.requester.carry_out(run.id, told)
    except BaseException:
        tell(go_on)
        raise
    results = [result async for result in desk.app.runs.results(run.id)]
    troubled = _troubled(results)
    # On a screen those who need nothing are only counted.
    show(map(row, troubled if output is Output.TABLE else results), COLUMNS, output)
    tell(f"{run.id} {run.state}: {_counted(results)}")
    if interrupts.came and run.state != "finished":
        tell(go_on)
        return _INTERRUPTED
    return 1 if troubled else 0


def _confirm(count: int | str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("nobody can be asked here: add --yes, or --dry-run to look first", 2)
    # Not with `input`, which writes to standard output: that is for the data.
    print(f"Type {count} to move these users: ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if typed.strip().replace(",", "") != str(count):
        raise CommandError("not confirmed; nothing was changed", 2)


async def _tell_side_effects(desk: "Desk") -> None:
    """Tell what the tenant does beside when a provider changes, before anything changes."""
    found = await desk.app.teams.conferencing_settings()
    mails, meetings = (
        found.automatically_send_emails_to_users,
        found.automatically_migrate_user_meetings,
    )
    tell(f"  mails to users with their new numbers and PIN: {'yes' if mails else 'no'}")
    tell(f"  their future meetings are sent again to everybody: {'yes' if meetings else 'no'}")
    replaces = "yes" if found.automatically_replace_acp_provider else "no"
    tell(f"  licensing alone replaces a third party: {replaces}")


def _troubled(results: Iterable["UserResult"]) -> list["UserResult"]:
    return [result for result in results if result.outcome in _TROUBLE]


def _counted(results: Iterable["UserResult"]) -> str:
    counts = Counter(str(result.outcome) for result in results)
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
