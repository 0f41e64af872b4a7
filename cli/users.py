"""`acp ready`, `acp providers`, `acp show`, `acp attention`: read-only views of users."""

import asyncio
from collections import Counter
from pathlib import Path

from cli.advice import advise
from cli.connection import SettingsOption, connect
from cli.form import with_form
from cli.output import Form, Output, Row, show, tell
from shared.text import counted, plain

_READY = ("user", "provider", "action", "reason", "id")
_PROVIDERS = ("name", "domain", "url")
_ATTENTION = ("user", "since", "reason", "id")
_WAITING = ("user", "due", "since", "reason", "id")


@with_form()
def ready(*, settings: SettingsOption = None, output: Form) -> None:
    """List the licensed users who are not on Microsoft yet, and count them by provider.

    The list of the admin center's filter, read from Teams and Graph now; nothing is changed.

    Example: `acp ready --file ready.csv`
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
    from shared.views.users import ReadyView  # noqa: PLC0415 - so that --help stays fast

    async with connect(settings) as app:
        return [ReadyView.of(found).model_dump() async for found in app.finder.ready()]


@with_form()
def providers(*, settings: SettingsOption = None, output: Form) -> None:
    """List the third-party providers that the tenant knows: the names for `acp move --provider`.

    Example: `acp providers`
    """

    from shared.views.users import ProviderView  # noqa: PLC0415

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

    from shared.views.users import AttentionView  # noqa: PLC0415

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
