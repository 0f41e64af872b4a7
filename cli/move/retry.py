"""`acp retry`: try the users again whom a run failed to move, or who need attention."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import AppOption, SettingsOption, connect
from cli.errors import CommandError
from cli.form import with_form
from cli.move.command import begin, follow
from cli.move.parameters import Parameters, tell_side_effects
from cli.move.question import confirm
from cli.move.selection import Given
from cli.output import Form, tell
from cli.requester import NoteOption, TicketOption
from cli.results import Written
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.options import MoveOptions


@with_form(whole=False, file=False)
def retry(
    *,
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="The run whose failed users are tried again."),
    ] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="All users who need attention, instead.")
    ] = False,
    ticket: TicketOption = None,
    note: NoteOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    app: AppOption = None,
    settings: SettingsOption = None,
    output: Form,
) -> int:
    """Try the users again whom a run failed to move, with its options, or all who need attention.

    It is a new run, like one of `acp move`; with --app the deployed app carries it out. The app tries
    them again by itself, too, ever more slowly.

    Example: `acp retry 20261123T020000Z-sweep-1f2e`
    """
    if (run_id is None) is not attention:
        raise CommandError("name a run, or pass --attention: one of them", 2)
    parameters = Parameters(False, yes, False, None, None, None, ticket, note)
    if app is not None:
        return _retry_by_app(app, run_id, Written(output, None), parameters)
    return asyncio.run(_retry(run_id, settings, Written(output, None), parameters))


def _retry_by_app(url: str, run_id: str | None, written: Written, parameters: Parameters) -> int:
    from cli.move.app import RemoteApp  # noqa: PLC0415 - httpx, which other commands may not need

    with RemoteApp(url) as app:
        users = app.in_need() if run_id is None else []
        count = len(users) if run_id is None else app.view(run_id).counts.get("failed", 0)
        if not count:
            tell(f"nobody of {run_id} failed" if run_id else "nobody needs attention")
            return 0
        if not parameters.yes:
            confirm(count)
            parameters = replace(parameters, expected=count)
        body = parameters.body()
        begun = app.retry(run_id, body) if run_id else app.begin({"users": users, **body})
        return follow(app, url, begun, written, by_name=run_id is None)


async def _retry(
    run_id: str | None, settings: Path | None, written: Written, parameters: Parameters
) -> int:
    async with connect(settings) as app:
        users, options = await _failed(app, run_id)
        if not users:
            tell(f"nobody of {run_id} failed" if run_id else "nobody needs attention")
            return 0
        tell(counted(len(users), "user"))
        await tell_side_effects(app)
        request = await app.validated(parameters.request(Given(users), None))
        return await begin(
            app,
            users,
            replace(request, options=options, named=request.named if run_id is None else 0),
            written,
            parameters,
        )


async def _failed(app: "App", run_id: str | None) -> "tuple[list[str], MoveOptions]":
    """Return whom to try again, and with which options."""
    from shared.domain.options import DEFAULT_OPTIONS  # noqa: PLC0415
    from shared.services.move_requests.options import options_of  # noqa: PLC0415
    from shared.services.move_requests.retrying import failed_users  # noqa: PLC0415

    if run_id is None:
        rows = app.adapters.waiting.attention()
        return [row.user_id async for row in rows], DEFAULT_OPTIONS
    run = await app.run_history.run(run_id)
    users = await failed_users(app.adapters.runs, run.id)
    if run.cause != "request":
        return users, DEFAULT_OPTIONS
    options = await options_of(app.adapters.move_requests, run.id, users)
    return users, replace(options, expected=None)
