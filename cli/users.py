"""`acp ready`, `acp providers`, `acp show`, `acp attention`: read-only views of users."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.advice import advise
from cli.connection import SettingsOption, connect
from cli.form import with_form
from cli.output import Form, Output, Row, show, tell
from cli.table import counted
from shared.text import plain

if TYPE_CHECKING:
    from shared.domain.user import ServiceUser

_READY = ("user", "provider", "action", "reason", "id")
_PROVIDERS = ("name", "domain", "url")
_ATTENTION = ("user", "since", "reason", "id")
_WAITING = ("user", "due", "since", "reason", "id")


@with_form()
def ready(*, settings: SettingsOption = None, output: Form) -> None:
    """List the licensed users who are not on Microsoft yet, and count them by provider.

    The list of the admin center's filter, read from Teams and Graph now; nothing is changed.

    Example: `acp ready --output csv > ready.csv`
    """
    rows = asyncio.run(_ready(settings))
    counts = Counter(str(row["provider"]) for row in rows)
    by_provider = ", ".join(f"{plain(name)} {count:,}" for name, count in counts.most_common())
    nothing = "nobody is ready to move: every licensed, included user is on Microsoft"
    verb = "is" if len(rows) == 1 else "are"
    if rows:
        tell(f"{counted(len(rows), 'user')} {verb} ready to move: {by_provider}")
    show(rows, _READY, output, nothing=nothing, sheet="Ready")


async def _ready(settings: Path | None) -> list[Row]:
    from shared.views import ReadyView  # noqa: PLC0415 - so that --help stays fast

    async with connect(settings) as app:
        return [ReadyView.of(found).model_dump() async for found in app.finder.ready()]


@with_form()
def providers(*, settings: SettingsOption = None, output: Form) -> None:
    """List the third-party providers that the tenant knows: the names for `acp move --provider`.

    Example: `acp providers`
    """

    from shared.views import ProviderView  # noqa: PLC0415

    async def ask() -> list[Row]:
        async with connect(settings) as app:
            known = await app.adapters.teams.providers()
            return [ProviderView.of(each).model_dump() for each in known]

    nothing = "the tenant knows no third-party provider"
    show(asyncio.run(ask()), _PROVIDERS, output, nothing=nothing, sheet="Providers")


@with_form()
def attention(*, settings: SettingsOption = None, output: Form) -> int:
    """List the users who need attention, and why. Exits with 1 when there are any.

    Example: `acp attention`
    """

    from shared.views import AttentionView  # noqa: PLC0415

    async def ask() -> list[Row]:
        async with connect(settings) as app:
            return [
                AttentionView.of(row).model_dump() async for row in app.adapters.waiting.attention()
            ]

    rows = asyncio.run(ask())
    verb = "needs" if len(rows) == 1 else "need"
    if rows:
        tell(f"{counted(len(rows), 'user')} {verb} attention")
    if output.kind is Output.TABLE:
        rows = [{**row, "reason": advise(str(row["reason"]))} for row in rows]
    show(rows, _ATTENTION, output, nothing="nobody needs attention", sheet="Attention")
    return 1 if rows else 0


@with_form()
def waiting(*, settings: SettingsOption = None, output: Form) -> None:
    """List the users who wait, why, and when the app tries them again by itself.

    Example: `acp waiting`
    """
    rows = asyncio.run(_waiting(settings))
    if rows:
        tell(counted(len(rows), "user waits", "users wait"))
    show(rows, _WAITING, output, nothing="nobody waits", sheet="Waiting")


async def _waiting(settings: Path | None) -> list[Row]:
    async with connect(settings) as app:
        return [
            {
                "user": row.upn or row.user_id,
                "due": row.due,
                "since": row.since,
                "reason": row.reason,
                "id": row.user_id,
            }
            async for row in app.adapters.waiting.waiting()
        ]


@with_form(whole=False)
def show_user(
    *,
    user: Annotated[str, typer.Argument(metavar="USER", help="A user's id or address.")],
    settings: SettingsOption = None,
    output: Form,
) -> None:
    """Show what is known of one user: license, provider entries, what was saved and what was done.

    Conference IDs are left out; `acp saved` has those of replaced providers.

    Example: `acp show adele@contoso.com`
    """
    from shared.userlists.names import user_name  # noqa: PLC0415

    facts = asyncio.run(_facts(user_name(user), settings))
    if output.kind is Output.TABLE:
        width = max(len(name) for name in facts)
        print("\n".join(f"{name:{width}}  {plain(value)}" for name, value in facts.items()))
    else:
        show([facts], list(facts), output, sheet="User")


def _provider(service: "ServiceUser | None") -> str:
    if service is not None and not service.provider_known:
        return "not reported by this service"
    return service.provider.name if service and service.provider else "none"


async def _facts(name: str, settings: Path | None) -> dict[str, object]:
    async with connect(settings) as app:
        view = await app.user_reader.show(name)
    service, known, waiting = view.service, view.known, view.waiting
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
    facts["last attempt"] = f"{known.outcome} ({plain(known.looked_at)})" if known else "never"
    facts["moved"] = (
        f"{plain(known.moved_at)}, from {known.old_provider or 'none'}"
        if known and known.moved_at
        else "not by this app"
    )
    if waiting:
        listed = "needs attention; " if waiting.needs_attention else ""
        facts["waits"] = f"{waiting.reason}; {listed}next attempt {plain(waiting.due)}"
    for number, record in enumerate(view.saved, 1):
        names = ", ".join(entry.name for entry in record.entries)
        had = record.conferencing
        bridge = f", bridge {had.bridge_name or had.bridge_id}" if had else ""
        facts[f"saved {number}"] = f"{plain(record.saved_at)}: {names}{bridge}"
    return facts
