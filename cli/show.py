"""`acp show`: one user, as Graph and Teams report it now, and everything that happened to the user."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.connection import SettingsOption, connect
from cli.form import with_form
from cli.output import Form, Output, Row, show, tell
from shared.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.bootstrap.services import App
    from shared.domain.history import HistoryRecord
    from shared.domain.retry import Waiting
    from shared.domain.saved import KnownUser, ReplacedProvider
    from shared.domain.user import ServiceUser
    from shared.services.admin.user_view import UserView

_SHOWN: Final = 20
_PAGE: Final = 1_000
_COLUMNS: Final = (
    "time",
    "event",
    "user",
    "provider_before",
    "number_before",
    "toll_free_before",
    "bridge_before",
    "conference_id_before",
    "provider_after",
    "number_after",
    "toll_free_after",
    "bridge_after",
    "conference_id_after",
    "signal",
    "run",
    "by",
    "ticket",
    "note",
    "reason",
    "id",
)
_ON_SCREEN: Final = ("time", "event", "before", "after", "by", "run", "reason")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown: facts by name, and the newest records. more: there are others."""

    facts: dict[str, object]
    records: list["HistoryRecord"]
    more: bool


@with_form()
def show_user(
    *,
    user: Annotated[
        str, typer.Argument(metavar="USER", help="A user's id or address, of today or of the past.")
    ],
    history: Annotated[
        bool, typer.Option("--history", help="Only the user's history, every record of it.")
    ] = False,
    earlier: Annotated[
        bool,
        typer.Option("--earlier", help="Also the history of others who had this address before."),
    ] = False,
    settings: SettingsOption = None,
    output: Form,
) -> None:
    """Show what is known of one user: license, provider entries, what was saved, and the history.

    The history has a record of each change and decision, the newest first: when, what led to it, who
    asked, and provider and numbers before and after. A user who left is found, too, also by an earlier
    address; for that the tables are read through. Conference IDs are left out or masked; `acp saved` has
    those that were replaced.

    Example: `acp show adele@contoso.com --history --file adele.xlsx`
    """
    from shared.userlists.names import user_name  # noqa: PLC0415

    name = user_name(user)
    if history:
        _show_history(asyncio.run(_all(name, settings, earlier=earlier)), output)
        return
    found = asyncio.run(_look(name, settings, _most(output), earlier=earlier))
    match output.kind:
        case Output.TABLE:
            width = max(len(each) for each in found.facts)
            print(
                "\n".join(f"{each:{width}}  {plain(value)}" for each, value in found.facts.items())
            )
            print()
            _show_history(found.records, output)
            if found.more:
                tell(f"... and more: acp show {plain(user)} --history --all")
        case Output.JSON:
            show([{**found.facts, "history": _rows(found.records)}], (), output)
        case _:
            show([found.facts], list(found.facts), output, sheet="User")


def _most(output: Form) -> int:
    return _SHOWN if output.kind is Output.TABLE else _PAGE


def _show_history(records: list["HistoryRecord"], output: Form) -> None:
    rows = _rows(records)
    columns: tuple[str, ...] = _COLUMNS
    nothing = "no history: nothing was changed or decided since this version of the app is in use"
    if output.kind is Output.TABLE:
        rows, columns = [_line(row) for row in rows], _ON_SCREEN
    show(rows, columns, output, nothing=nothing, sheet="History")


def _rows(records: "Iterable[HistoryRecord]") -> list[Row]:
    from shared.views.users import HistoryView  # noqa: PLC0415

    return [HistoryView.of(record).model_dump() for record in records]


def _line(row: Row) -> Row:
    """Return a record as a line on a screen."""
    sides = {
        side: " ".join(
            str(row[f"{name}_{side}"])
            for name in ("provider", "number", "toll_free")
            if row[f"{name}_{side}"]
        )
        for side in ("before", "after")
    }
    why = "; ".join(str(row[name]) for name in ("ticket", "note", "reason") if row[name])
    return {**row, **sides, "reason": why}


async def _all(name: str, settings: Path | None, *, earlier: bool) -> list["HistoryRecord"]:
    async with connect(settings) as app:
        return [record async for record in _pages(app, name, earlier=earlier)]


async def _pages(app: "App", name: str, *, earlier: bool) -> AsyncIterator["HistoryRecord"]:
    after: str | None = ""
    while after is not None:
        page = await app.user_history.read(name, _PAGE, after, earlier=earlier)
        for record in page.records:
            yield record
        after = page.more


async def _look(name: str, settings: Path | None, most: int, *, earlier: bool) -> _Shown:
    async with connect(settings) as app:
        page = await app.user_history.read(name, most, earlier=earlier)
        if page.person.user:
            facts = _facts(await app.user_reader.show(page.person.id))
        else:
            facts = await _facts_of_stored(app, page.person.id, page.records)
        return _Shown(facts, list(page.records), page.more is not None)


async def _facts_of_stored(
    app: "App", user_id: str, records: "Iterable[HistoryRecord]"
) -> dict[str, object]:
    """Return what is known of a user whom the directory does not know any more."""
    to = app.adapters
    saved = await to.replaced.of(user_id)
    addresses = [record.upn for record in records] + [record.upn for record in reversed(saved)]
    names = [name for name in addresses if name]
    return {
        "user": next(iter(names), user_id),
        "id": user_id,
        "account": "not in the directory any more",
        **_stored(await to.users.known(user_id), await to.waiting.find_waiting(user_id), saved),
    }


def _facts(view: "UserView") -> dict[str, object]:
    service = view.service
    facts: dict[str, object] = {
        "user": view.directory.upn,
        "id": view.directory.id,
        "plan": str(view.directory.plan_status or "none"),
        "account": str(service.account_type) if service else "Teams does not know the user",
        "provider": _provider(service),
        "to be done": f"{view.decision.action}: {view.decision.reason}",
    }
    for number, entry in enumerate(service.entries if service else (), 1):
        mark = ", default" if entry.default else ""
        numbers = f"{entry.toll_number} {entry.toll_free_number}".strip()
        facts[f"entry {number}"] = f"{entry.name}{mark}: {numbers}"
    return facts | _stored(view.known, view.waiting, view.saved)


def _stored(
    known: "KnownUser | None", waiting: "Waiting | None", saved: "Iterable[ReplacedProvider]"
) -> dict[str, object]:
    facts: dict[str, object] = {
        "last attempt": f"{known.outcome} ({plain(known.looked_at)})" if known else "never",
        "moved": (
            f"{plain(known.moved_at)}, from {known.old_provider or 'none'}"
            if known and known.moved_at
            else "not by this app"
        ),
    }
    if waiting:
        listed = "needs attention; " if waiting.needs_attention else ""
        facts["waits"] = f"{waiting.reason}; {listed}next attempt {plain(waiting.due)}"
    for number, record in enumerate(saved, 1):
        names = ", ".join(entry.name for entry in record.entries)
        had = record.conferencing
        bridge = f", bridge {had.bridge_name or had.bridge_id}" if had else ""
        facts[f"saved {number}"] = f"{plain(record.saved_at)}: {names}{bridge}"
    return facts


def _provider(service: "ServiceUser | None") -> str:
    if service is not None and not service.provider_known:
        return "not reported by this service"
    return service.provider.name if service and service.provider else "none"
