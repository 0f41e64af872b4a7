"""`acp held`, `acp release`, `acp discard`: the users whom the guard holds, and what becomes of them."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import AppOption, SettingsOption, connect
from cli.endings import tell_waits
from cli.form import with_form
from cli.move.parameters import refuse_other_protection
from cli.move.question import confirm
from cli.options import RunArgument, number
from cli.output import Form, Row, show, tell
from cli.requester import NoteOption, TicketOption, requester
from cli.table import counts
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.held import HeldSelection

_HELD = (
    "user",
    "name",
    "department",
    "country",
    "provider",
    "signal",
    "run",
    "since",
    "reason",
    "id",
)
_PAGE = 1_000
_MOST = 1_000_000

type Why = tuple[str | None, str | None]
"""Ticket and note."""

LimitOption = Annotated[
    int | None,
    typer.Option(parser=number(int, 1, _MOST), metavar="NUMBER", help="At most so many of them."),
]
ProviderOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only the users of this provider.")
]
UsersOption = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Only these: ids or addresses, separated by commas."),
]


@with_form()
def held(
    *,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Only those of one run.")
    ] = None,
    settings: SettingsOption = None,
    output: Form,
) -> int:
    """List the users whom the guard holds, with provider, signal and run. Exits with 1 when there are any.

    A user is held when more users would lose their conference ID than ACP_GUARD_MAX_MOVES or
    ACP_GUARD_MAX_SHARE permit.

    Example: `acp held --output csv > held.csv`
    """
    rows = asyncio.run(_held(run_id, settings))
    show(rows, _HELD, output, nothing="nobody is held", sheet="Held")
    if rows:
        tell(counted(len(rows), "user is held", "users are held"))
    return 1 if rows else 0


def release(
    *,
    run_id: RunArgument,
    limit: LimitOption = None,
    provider: ProviderOption = None,
    users: UsersOption = None,
    ticket: TicketOption = None,
    note: NoteOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the number.")] = False,
    settings: SettingsOption = None,
) -> None:
    """Release the users whom a run holds: they are queued within a minute, and count against no limit.

    Each of them is read again before anything is changed. Without options all of them are released. Says
    how many of which provider they are, and asks for the number.

    Example: `acp release 20261123T020000Z-sweep-1f2e --provider BT --limit 50`
    """
    chosen = _selection(limit, provider, users)
    asyncio.run(_release(run_id, chosen, settings, (ticket, note), yes=yes))


def discard(
    *,
    run_id: RunArgument,
    limit: LimitOption = None,
    provider: ProviderOption = None,
    users: UsersOption = None,
    ticket: TicketOption = None,
    note: NoteOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take the users whom a run holds off its list: nobody is changed.

    Whoever is still ready to be moved is found by a later signal, and counts like any other: exclude
    users who are never to be moved. Without options all of them are discarded.

    Example: `acp discard 20261123T110000Z-catch-up-held`
    """
    chosen = _selection(limit, provider, users)
    asyncio.run(_discard(run_id, chosen, settings, (ticket, note)))


def cancel(
    *,
    run_id: RunArgument,
    ticket: TicketOption = None,
    note: NoteOption = None,
    app: AppOption = None,
    settings: SettingsOption = None,
) -> None:
    """Cancel a run: what was begun is finished, nobody else of it is changed.

    The rest has the outcome `cancelled`, by name. Held users of the run are taken off its list. Users of it
    who wait or failed were begun: they are tried again, as other signals and the next sweep would; exclude
    who must not be moved. What is cancelled cannot be resumed or released: begin a new run.

    Example: `acp cancel 20261123T110000Z-request-1f2e3d4c --note "wrong list"`
    """
    if app is None:
        asyncio.run(_cancel(run_id, settings, (ticket, note)))
        return
    from cli.move.app import RemoteApp  # noqa: PLC0415 - httpx, which other commands may not need

    with RemoteApp(app) as remote:
        found = remote.cancel(run_id, ticket, note)
    tell(f"{run_id} is cancelled by the app: {counts(found.counts)}")


async def _cancel(run_id: str, settings: Path | None, why: Why) -> None:
    from shared.errors import BusyError, ServiceError  # noqa: PLC0415

    async with connect(settings) as app:
        run = await app.canceller.cancel_run(run_id, await requester(app, *why))
        tell(f"{run.id} is cancelled: nobody else of it is changed")
        if run.cause == "request":
            # What the app would do: a run that was begun here may have nobody else who does.
            try:
                run = await app.move_runner.cancel(run)
            except (ServiceError, BusyError) as error:
                tell(f"warning: the rest is not listed yet ({error}); repeat the command for that")
        tell(counts(run.counts))
        waits = await app.run_waits.of(await app.run_outcomes.shown(run))
        tell_waits(run.id, waits, app.adapters.clock.now())
        if waits.due or waits.attention:
            tell("like every licensed user, they are moved all the same: exclude who must not be")


async def _held(run_id: str | None, settings: Path | None) -> list[Row]:
    from shared.views.users import HeldView  # noqa: PLC0415 - so that --help stays fast

    async with connect(settings) as app:
        table = app.adapters.held
        if run_id is not None:
            await app.run_history.run(run_id)  # an unknown run is an error: it does not hold nobody
        known = table.held() if run_id is None else table.held_of(run_id)
        held = [each async for each in known if not each.released]
        seen = await _seen(app) if held else {}
        return [{**HeldView.of(each).model_dump(), **seen.get(each.user_id, {})} for each in held]


async def _seen(app: "App") -> dict[str, Row]:
    """Return who the held users are, as last seen."""
    from shared.domain.roster import Standing  # noqa: PLC0415

    found: dict[str, Row] = {}
    after: str | None = ""
    while after is not None:
        page, after = await app.adapters.roster.page(Standing.HELD, _PAGE, after)
        for each in page:
            who = {"name": each.name, "department": each.department, "country": each.country}
            found[each.user_id] = who
    return found


def _selection(limit: int | None, provider: str | None, users: str | None) -> "HeldSelection":
    from shared.domain.held import HeldSelection  # noqa: PLC0415
    from shared.errors import InputError  # noqa: PLC0415
    from shared.userlists.names import split_names  # noqa: PLC0415

    names = None
    if users is not None:
        names = frozenset(name.casefold() for name in split_names(users))
        if not names:
            raise InputError("--users: the list is empty; nothing was done")
    return HeldSelection(limit, provider, names)


async def _release(
    run_id: str, chosen: "HeldSelection", settings: Path | None, why: Why, *, yes: bool
) -> None:
    async with connect(settings) as app:
        await refuse_other_protection(app)
        held = [each async for each in app.adapters.held.held_of(run_id) if not each.released]
        if users := list(chosen.of(held)):
            providers = counts(Counter(each.provider or "none" for each in users))
            tell(f"{len(users):,} of {counted(len(held), 'held user')} ({providers})")
            if not yes:
                confirm(len(users))
        by = await requester(app, *why)
        _, count = await app.releases.release_run(run_id, by, chosen)
        tell(f"released of {run_id}: {counted(count, 'user')}; the app queues them within a minute")
        if pause := await app.pauses.current():
            tell(f"warning: changes are {pause}; they wait until `acp pause --off`")


async def _discard(run_id: str, chosen: "HeldSelection", settings: Path | None, why: Why) -> None:
    async with connect(settings) as app:
        _, count = await app.releases.discard_run(run_id, await requester(app, *why), chosen)
        tell(f"discarded of {run_id}: {counted(count, 'user')}; nobody was changed")
