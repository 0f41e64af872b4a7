"""`acp saved`: the saved dial-in details of replaced providers, as a file."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.form import with_form
from cli.output import Form, Output, Row, show, tell
from cli.requester import requester
from shared.concurrency import gather_bounded
from shared.errors import StorageError
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.outcome import UserResult
    from shared.domain.saved import ReplacedProvider

_AT_ONCE = 16
_COLUMNS = (
    "user",
    "kind",
    "provider",
    "bridge",
    "default",
    "toll_number",
    "toll_free_number",
    "conference_id",
    "url",
    "saved_at",
    "id",
)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a date or time such as 2026-11-23 or 2026-11-23T12:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@with_form(Output.CSV, whole=False)
def saved(
    *,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Only those of one user: id or address.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only what this run replaced.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="With --run: all that is saved of its users, moved or not, then or before.",
        ),
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="Only those saved since then (UTC)."),
    ] = None,
    settings: SettingsOption = None,
    output: Form,
) -> None:
    """Write the saved numbers and conference IDs that were replaced, one line per entry.

    Kind: `provider_entry` for those of a replaced provider, `conferencing_user` for those that a user on
    Microsoft had before numbers or bridge were changed.

    These are secrets of the users' meetings: store the file accordingly. In CSV a field that a
    spreadsheet could take for a formula (`+4420...`) begins with an apostrophe; in JSON it does not.
    For Excel take XLSX: from CSV it drops leading zeros and the last digits of long numbers.

    Example: `acp saved --since 2026-11-01 --file saved.xlsx`
    """
    if everything and run is None:
        raise CommandError("--all goes with --run: without a run, all that is saved is written", 2)
    rows = asyncio.run(_rows(settings, user, run, since, everything=everything))
    tell(counted(len(rows), "saved entry", "saved entries"))
    show(rows, _COLUMNS, output, nothing="nothing is saved", hint="--output csv", sheet="Saved")


async def _rows(
    settings: Path | None,
    user: str | None,
    run: str | None,
    since: datetime | None,
    *,
    everything: bool,
) -> list[Row]:
    async with connect(settings) as app:
        records = [
            record
            async for record in _records(app, user, run, everything=everything)
            if since is None or record.saved_at >= since
        ]
        await _record(app, records if user or run else None)
        return [row for record in records for row in _entries(record)]


async def _record(app: "App", read: "list[ReplacedProvider] | None") -> None:
    """Record who reads conference IDs; with a role that only reads that fails, and is said.

    read: those of one user or run, which each user's history tells, too; None: everybody's.
    """
    from shared.services.admin.reasons import record_action  # noqa: PLC0415

    detail = "of everybody" if read is None else "of one user or run"
    state, clock, by = app.adapters.state, app.adapters.clock, await requester(app)
    whose = {record.user_id: record.upn for record in read or ()}
    try:
        await record_action(state, clock, "read conference IDs", by, detail)
        readings = (app.saved_ids.record(user, by, upn) for user, upn in whose.items())
        await gather_bounded(readings, _AT_ONCE)
    except StorageError as error:
        tell(f"warning: this reading is recorded in the storage account's log only ({error})")


async def _records(
    app: "App", user: str | None, run: str | None, *, everything: bool
) -> AsyncIterator["ReplacedProvider"]:
    only = None if user is None else await _id_of(app, user)
    if run is not None:
        await app.run_history.run(run)
        results = [result async for result in app.adapters.runs.results(run)]
        for some in batched(results, _AT_ONCE, strict=False):
            looks = (_of_result(app, each, everything=everything) for each in some)
            for records in await gather_bounded(looks, _AT_ONCE):
                for record in records:
                    if only in (None, record.user_id):
                        yield record
    elif only is not None:
        for record in await app.adapters.replaced.of(only):
            yield record
    else:
        async for record in app.adapters.replaced.all():
            yield record


async def _of_result(
    app: "App", result: "UserResult", *, everything: bool
) -> "list[ReplacedProvider]":
    """Return what a run replaced of one user, or all that is saved of the user."""
    from shared.domain.saved import replaced_by  # noqa: PLC0415

    if not everything and result.outcome not in ("moved", "bridge_changed"):
        return []
    records = await app.adapters.replaced.of(result.user_id)
    if everything:
        return records
    replaced = replaced_by(result, records)
    return [replaced] if replaced else []


async def _id_of(app: "App", user: str) -> str:
    """Return a user's id; an id is not looked up, because saved entries outlive their users."""
    from shared.userlists.names import user_name  # noqa: PLC0415

    name = user_name(user)
    return (await app.people.find(name)).id if "@" in name else name


def _entries(record: "ReplacedProvider") -> list[Row]:
    from shared.views.users import SavedEntry  # noqa: PLC0415

    who = {"user": record.upn, "id": record.user_id}
    return [{**who, **entry.model_dump()} for entry in SavedEntry.all_of(record)]
