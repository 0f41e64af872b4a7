"""`acp pause` and `acp status`: stop all changes, and see what the app may do now."""

import asyncio
import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.form import with_form
from cli.output import Form, Output, show, tell
from cli.requester import TicketOption, requester
from cli.table import when
from shared.clock import SystemClock
from shared.domain.license_age import spoken
from shared.text import counted, harmless_json, plain

if TYPE_CHECKING:
    from shared.views.status import StatusView


_TITLES: Final = {"looked at": "tenant examined", "verb of a set": "verb of a change"}


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
    """Show how far the tenant is, what the app may do now, and who is held, waits or needs attention.

    JSON: one object. Exits with 0 whatever it shows.

    Example: `acp status --output json`
    """
    with _uncollected():
        found = asyncio.run(_status(settings))
    if output.kind is Output.JSON:
        text = json.dumps(found.model_dump(mode="json"), ensure_ascii=False)
        sys.stdout.write(harmless_json(text) + "\n")
        return
    paused, now = found.paused, SystemClock().now()
    facts = {
        "licensed": "not counted before the first sweep"
        if found.licensed is None
        else found.licensed,
        "on Microsoft": found.on_microsoft,
        "ready": found.ready,
        "mode": found.mode,
        "pilot": "only members of ACP_INCLUDED_GROUPS are changed" if found.pilot else "no",
        "paused": f"by {paused.by} since {plain(paused.since)}: {paused.note}" if paused else "no",
        "held": f"{counted(found.held.users, 'user')} of {counted(found.held.runs, 'run')}",
        "waiting": found.waiting,
        "attention": found.attention,
        "last sweep": when(found.last_sweep, now) if found.last_sweep else "none yet",
        "next sweep": when(found.next_sweep, now) if found.next_sweep else "not within a week",
        "change feed": _age(found.delta_age_s),
        "from license to Microsoft": _license_age(found),
        **found.capabilities,
    }
    if output.kind is not Output.TABLE:
        show([facts], list(facts), output)
    else:
        _tell_whether_well(found)
        titled = {_TITLES.get(name, name): value for name, value in facts.items()}
        width = max(map(len, titled))
        print("\n".join(f"{name:{width}}  {plain(value)}" for name, value in titled.items()))


def _age(seconds: int | None) -> str:
    return "not read yet" if seconds is None else f"read to its end {spoken(seconds)} ago"


def _license_age(found: "StatusView") -> str:
    half, most = found.license_age_p50_s, found.license_age_p99_s
    if half is None or most is None:
        return "nobody was moved for a new license within a week"
    return f"half within {spoken(half)}, 99 % within {spoken(most)}, for a week"


def _tell_whether_well(found: "StatusView") -> None:
    """Say in one line whether somebody has to do something: in green if not."""
    to_do = {
        "changes are paused": found.paused,
        "users are held": found.held.users,
        "users need attention": found.attention,
    }
    open_ = [what for what, is_so in to_do.items() if is_so]
    text = f"to do: {', '.join(open_)}" if open_ else "all is well"
    Console(highlight=False).print(text, style="yellow" if open_ else "green")


async def _pause(note: str | None, ticket: str | None, settings: Path | None) -> None:
    async with connect(settings) as app:
        by = await requester(app, ticket)
        if note is not None:
            tell(f"changes are {await app.pauses.pause(note, by)}")
        elif ended := await app.pauses.end(by):
            tell(f"the pause is over; changes were {ended}")
        else:
            tell("changes were not paused")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let garbage lie: to look for it takes a tenth of a command as short as this."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _status(settings: Path | None) -> "StatusView":
    from shared.views.status import StatusView  # noqa: PLC0415 - so that --help stays fast

    async with connect(settings) as app:
        return StatusView.of(await app.status.read())
