"""`acp saved`: the saved dial-in details of replaced providers, as a file."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.output import Output, OutputOption, Row, show, tell
from cli.who import operator
from shared.errors import StorageError

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.saved import ReplacedProvider

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


def saved(
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Only those of one user: id or address.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only those of the users of one run.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="Only those saved since then (UTC)."),
    ] = None,
    settings: SettingsOption = None,
    output: OutputOption = Output.CSV,
) -> None:
    """Write the saved numbers and conference IDs that were replaced, one line per entry.

    Kind: `provider_entry` for those of a replaced provider, `conferencing_user` for those that a user on
    Microsoft had before numbers or bridge were changed.

    These are secrets of the users' meetings: store the file accordingly. In CSV a field that a
    spreadsheet could take for a formula (`+4420...`) begins with an apostrophe; in JSON it does not.

    Example: `acp saved --since 2026-11-01 > saved.csv`
    """
    rows = asyncio.run(_rows(settings, user, run, since))
    show(rows, _COLUMNS, output)
    tell(f"{len(rows):,} saved entries")


async def _rows(
    settings: Path | None, user: str | None, run: str | None, since: datetime | None
) -> list[Row]:
    async with connect(settings) as app:
        await _record(app, user or run)
        return [
            row
            async for record in _records(app, user, run)
            if since is None or record.saved_at >= since
            for row in _entries(record)
        ]


async def _record(app: "App", whose: str | None) -> None:
    """Record who reads conference IDs; with a role that only reads that fails, and is said."""
    from shared.services.admin.forget import record_action  # noqa: PLC0415

    detail = "of one user or run" if whose else "of everybody"
    try:
        await record_action(
            app.adapters.state, app.adapters.clock, "read conference IDs", operator(app), detail
        )
    except StorageError as error:
        tell(f"warning: this reading is recorded in the storage account's log only ({error})")


async def _records(
    app: "App", user: str | None, run: str | None
) -> AsyncIterator["ReplacedProvider"]:
    members = None
    if run is not None:
        await app.run_history.run(run)
        members = {result.user_id async for result in app.adapters.runs.results(run)}
    if user is not None:
        records = await app.adapters.replaced.of(await _id_of(app, user))
    else:
        records = [record async for record in app.adapters.replaced.all()]
    for record in records:
        if members is None or record.user_id in members:
            yield record


async def _id_of(app: "App", user: str) -> str:
    """Return a user's id; an id is not looked up, because saved entries outlive their users."""
    from shared.userlists.names import user_name  # noqa: PLC0415

    name = user_name(user)
    return (await app.user_reader.find(name)).id if "@" in name else name


def _entries(record: "ReplacedProvider") -> list[Row]:
    from shared.views import SavedEntry  # noqa: PLC0415

    who = {"user": record.upn, "id": record.user_id}
    return [{**who, **entry.model_dump()} for entry in SavedEntry.all_of(record)]
