"""`acp move`: set Microsoft as the provider of the users you name."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.advice import summary
from cli.connection import AppOption, SettingsOption, connect
from cli.endings import status, tell_waits
from cli.errors import CommandError
from cli.form import with_form
from cli.move.parameters import (
    Parameters,
    Where,
    names_and_users,
    refuse_other_protection,
    tell_pause,
    tell_preview,
    tell_side_effects,
)
from cli.move.progress import Interrupts, progress
from cli.move.question import confirm, confirmed
from cli.move.selection import Selection
from cli.options import number
from cli.output import RESULT_COLUMNS, Form, Output, show, tell
from cli.requester import NoteOption, TicketOption, requester
from cli.results import ReportOption, Written, check_report
from shared.clock import SystemClock
from shared.text import counted, plain

if TYPE_CHECKING:
    from cli.move.app import RemoteApp
    from shared.bootstrap.services import App
    from shared.domain.move_request import MoveRequest
    from shared.domain.run import Run

_INTERRUPTED = 130


@with_form(whole=False, file=False)
def move(
    *,
    users: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Ids or addresses, separated by commas or spaces; or a CSV file."
        ),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A CSV file with one user per line; - is stdin."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="CSV: the column with the users.")
    ] = None,
    skip_bad_lines: Annotated[
        bool, typer.Option("--skip-bad-lines", help="CSV: skip lines that name no user.")
    ] = False,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="All users of one third-party provider.")
    ] = None,
    all_third_party: Annotated[
        bool, typer.Option("--all-third-party", help="All users of any third-party provider.")
    ] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Resume an interrupted run.")
    ] = None,
    send_email: Annotated[
        bool,
        typer.Option(
            "--send-email/--no-send-email",
            help="Have Microsoft mail the users their new numbers and PIN, whatever the tenant's setting.",
        ),
    ] = False,
    service_number: Annotated[
        str | None,
        typer.Option(
            metavar="+NUMBER", help="Their default toll number, instead of the number rules."
        ),
    ] = None,
    toll_free_number: Annotated[
        str | None, typer.Option(metavar="+NUMBER", help="Their default toll-free number.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show what would happen to each user and why; change nothing."
        ),
    ] = False,
    expect: Annotated[
        int | None,
        typer.Option(
            parser=number(int, 0, 1_000_000),
            metavar="NUMBER",
            help="With --yes: how many users may lose their conference ID, instead of the guard's "
            "limit. The number that you confirm says the same.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            parser=number(int, 1, 1_000_000),
            metavar="NUMBER",
            help="At most so many of the users, the first ones.",
        ),
    ] = None,
    ticket: TicketOption = None,
    note: NoteOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    where: Annotated[
        Where | None,
        typer.Option(
            help="Who does the work: this process or the deployed app. Default: app with --app."
        ),
    ] = None,
    app: AppOption = None,
    report: ReportOption = None,
    settings: SettingsOption = None,
    output: Form,
) -> int:
    """Make Microsoft the audio conferencing provider of the users you name, now.

    Each user is handled as by the function app: only licensed users are moved, and the entries that are
    replaced are saved first. A file may give each user numbers, in columns TollNumber and TollFreeNumber
    (an empty field: as for the others). Ctrl-C finishes the users being moved; `--resume` continues.

    Exits with 0 when all is done, or users wait or are rightly skipped; 1 when users failed, are held or
    need attention, or were named and are unlicensed or unknown; 2 for bad input; 3 when Microsoft 365 or
    the storage could not be reached; 130 when interrupted.

    Examples:

    `acp move --users "adele@contoso.com, alex@contoso.com" --dry-run`

    `acp move --csv users.csv --column UPN --yes --output csv > results.csv`

    `acp move --users numbers.csv --dry-run`

    `acp move --provider InterCall`

    `acp move --csv users.csv --app https://contoso-acp.azurewebsites.net`
    """
    if csv is None and users is not None and _is_file(users):
        users, csv = None, users
    ways = {
        "--users": users is not None,
        "--csv": csv is not None,
        "--provider": provider is not None,
        "--all-third-party": all_third_party,
        "--resume": resume is not None,
    }
    if sum(ways.values()) != 1:
        given = " and ".join(way for way, is_given in ways.items() if is_given)
        raise CommandError(
            f"name the users with one of {', '.join(ways)}; given: {given or 'none'}", 2
        )
    if column is not None and csv is None:
        raise CommandError("--column names a column of a --csv file", 2)
    if resume is not None and dry_run:
        raise CommandError(
            "--resume moves the remaining users; it cannot be combined with --dry-run", 2
        )
    parameters = Parameters(
        dry_run, yes, send_email, service_number, toll_free_number, expect, ticket, note
    )
    if resume is not None and (parameters.body() or limit):
        raise CommandError(
            "--resume keeps the options that the run began with: leave out the others", 2
        )
    check_report(report)
    written = Written(output, report)
    selection = Selection(users, csv, column, skip_bad_lines, provider, limit)
    if where is None:
        where = Where.DIRECT if app is None else Where.APP
    if where is Where.APP:
        if app is None:
            raise CommandError("--where app: name the app with --app URL or ACP_APP_URL", 2)
        if limit and (provider is not None or all_third_party):
            raise CommandError("--limit with --app needs the users by name: the app finds all", 2)
        return _move_by_app(app, selection, resume, written, parameters)
    if resume is not None:
        return asyncio.run(_resume(resume, settings, written))
    return asyncio.run(_move(selection, settings, written, parameters))


def _is_file(users: str) -> bool:
    """Return whether a text is the name of a CSV file and no list of names."""
    return users.strip().lower().endswith(".csv") and "@" not in users


async def _move(
    selection: Selection, settings: Path | None, written: Written, parameters: Parameters
) -> int:
    given = selection.given()
    parameters.check_numbers(given)
    async with connect(settings) as app:
        with selection.named():
            request = await app.validated(parameters.request(given, selection.provider))
        if request.users is None:
            found = app.finder.on_third_party(request.provider)
            names = [user.user_id async for user in found][: selection.limit]
            tell(counted(len(names), "user"))
        else:
            names = list(request.users)
            tell(counted(request.named, "name"))
        if not names:
            raise CommandError("no users were found; nothing was done", 2)
        tenant = await tell_side_effects(app)
        if parameters.dry_run:
            previews = app.previewer.preview(names, request.options)
            results = [result async for result in previews]
            tell_preview(results, tenant, request.named, send_email=parameters.send_email)
            await written.write(app, None, results)
            return status((each.outcome for each in results), by_name=given is not None)
        return await begin(app, names, request, written, parameters)


async def begin(
    app: "App", names: list[str], request: "MoveRequest", written: Written, parameters: Parameters
) -> int:
    """Ask, begin a run over these users and carry it out; return the exit status."""
    await refuse_other_protection(app)
    await tell_pause(app)
    by = await requester(app, request.ticket, request.note)
    options = request.options
    if not parameters.yes:
        changes = await confirmed(app, names, options)
        if not changes:
            return 0
        options = replace(options, expected=_expected(parameters, changes))
    run = await app.move_runner.begin(names, options, request.named, by)
    tell(f"run {run.id}")
    return await _carry_out(app, run, written)


def _move_by_app(
    url: str, selection: Selection, resume: str | None, written: Written, parameters: Parameters
) -> int:
    from cli.move.app import RemoteApp  # noqa: PLC0415 - httpx, which other commands may not need

    given = None if resume else selection.given()
    parameters.check_numbers(given)
    names = given.names if given else None
    with RemoteApp(url) as app:
        if resume is None:
            if not (parameters.yes or parameters.dry_run):
                confirm(len(names) if names is not None else "all")
                if names is not None:
                    parameters = replace(parameters, expected=_expected(parameters, len(names)))
            with selection.named():
                resume = app.begin({**selection.body(given), **parameters.body()})
        return follow(app, url, resume, written, by_name=names is not None)


def follow(app: "RemoteApp", url: str, run_id: str, written: Written, *, by_name: bool) -> int:
    """Follow a run of the deployed app to its end and show its results; return the exit status.

    by_name: the users were named one by one; where the app says whether they were, that counts.
    """
    tell(f"run {run_id}")
    try:
        run = app.follow(run_id)
    except KeyboardInterrupt:
        tell(f"\nThe app continues with run {run_id}. Stop it with:")
        tell(f"  acp cancel {run_id} --app {url}")
        return _INTERRUPTED
    for effect, value in (run.side_effects or {}).items():
        tell(f"  {effect.replace('_', ' ')}: {plain(value)}")
    if written.form.kind is Output.JSON and written.report is None:
        rows = list(app.results(run_id))
        show(rows, RESULT_COLUMNS, written.form)
    else:
        rows = app.details(run_id)
        written.write_details(rows, app.view(run_id))
    attention = 0
    if run.waits:
        tell_waits(run_id, run.waits, SystemClock().now(), by_app=True)
        attention = run.waits.attention
    by_name = by_name if run.by_name is None else run.by_name
    outcomes = (each["outcome"] for each in rows)
    return status(outcomes, by_name=by_name, state=run.state, attention=attention)


async def _resume(run_id: str, settings: Path | None, written: Written) -> int:
    async with connect(settings) as app:
        await refuse_other_protection(app)
        await tell_pause(app)
        run = await app.move_runner.find(run_id)
        return await _carry_out(app, run, written)


async def _carry_out(app: "App", run: "Run", written: Written) -> int:
    from shared.errors import ConflictError  # noqa: PLC0415 - so that --help stays fast

    resume = f"resume with: acp move --resume {run.id}"
    try:
        with (
            progress(run.counts["users"]) as on_progress,
            Interrupts(app.move_runner.stop) as interrupts,
        ):
            run = await app.move_runner.carry_out(run.id, on_progress)
    except ConflictError:
        raise  # it was cancelled, or is no run to resume
    except BaseException:
        tell(resume)
        raise
    results = [result async for result in app.adapters.runs.results(run.id)]
    how_many = names_and_users(run.counts.get("names", 0), len(results))
    tell(f"{run.id} {run.state}: {how_many}{summary(result.outcome for result in results)}")
    await written.write(app, run, results)
    waits = await app.run_waits.of(run)
    tell_waits(run.id, waits, app.adapters.clock.now())
    if interrupts.came and run.state not in ("finished", "cancelled"):
        tell(resume)
        return _INTERRUPTED
    outcomes = (result.outcome for result in results)
    return status(outcomes, by_name=run.by_name, state=run.state, attention=waits.attention)


def _expected(parameters: Parameters, confirmed: int) -> int:
    """Return how many users may be changed: the number that was confirmed, unless a smaller is named."""
    return confirmed if parameters.expected is None else min(confirmed, parameters.expected)
