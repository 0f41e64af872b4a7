"""`acp pause` and `acp status`: stop all changes, and see what the app may do now."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.form import with_form
from cli.output import Form, Output, show, tell
from cli.requester import TicketOption, requester
from cli.table import counted
from shared.text import harmless_json, plain

if TYPE_CHECKING:
    from shared.views import StatusView


def pause(
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; shown wherever the pause is.")
    ] = None,
    ticket: TicketOption = None,
    off: Annotated[bool, typer.Option("--off", help="End the pause.")] = False,
    settings: SettingsOption = None,
) -> None:
    """Pause all changes of users at once, for the app and every command line, or end the pause.

    Signals are kept: users who would be changed wait, and are worked through when the pause ends. Reading,
    dry runs and reports go on.

    Example: `acp pause --note "wrong licenses were assigned"`
    """
    if off and note is not None:
        raise CommandError("--off ends the pause: leave out --note", 2)
    if not off and note is None:
        raise CommandError('say why with --note "...", or end the pause with --off', 2)
    asyncio.run(_pause(note, ticket, settings))


@with_form(whole=False)
def status(*, settings: SettingsOption = None, output: Form) -> None:
    """Show what the app may do now: mode, pause, and how many users are held, wait or need attention.

    JSON: one object.

    Example: `acp status --output json`
    """
    found = asyncio.run(_status(settings))
    if output.kind is Output.JSON:
        text = json.dumps(found.model_dump(mode="json"), ensure_ascii=False)
        sys.stdout.write(harmless_json(text) + "\n")
        return
    paused = found.paused
    facts = {
        "mode": found.mode,
        "paused": f"by {paused.by} since {plain(paused.since)}: {paused.note}" if paused else "no",
        "held": f"{counted(found.held.users, 'user')} of {counted(found.held.runs, 'run')}",
        "waiting": found.waiting,
        "attention": found.attention,
        **found.capabilities,
    }
    if output.kind is not Output.TABLE:
        show([facts], list(facts), output)
    else:
        width = max(map(len, facts))
        print("\n".join(f"{name:{width}}  {plain(value)}" for name, value in facts.items()))


async def _pause(note: str | None, ticket: str | None, settings: Path | None) -> None:
    async with connect(settings) as app:
        by = await requester(app, ticket)
        if note is not None:
            tell(f"changes are {await app.pauses.pause(note, by)}")
        elif ended := await app.pauses.end(by):
            tell(f"the pause is over; changes were {ended}")
        else:
            tell("changes were not paused")


async def _status(settings: Path | None) -> "StatusView":
    from shared.views import StatusView  # noqa: PLC0415 - so that --help stays fast

    async with connect(settings) as app:
        return StatusView.of(await app.status.read())
