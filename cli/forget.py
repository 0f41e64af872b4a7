"""`acp forget`: delete what the app stored about one person."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import SettingsOption, connect
from cli.errors import CommandError
from cli.form import with_form
from cli.output import Form, show, tell
from cli.requester import requester

if TYPE_CHECKING:
    from shared.services.admin.forget import Forgetting, Found

_COLUMNS = ("table", "rows")


@with_form(whole=False, file=False)
def forget(
    *,
    user: Annotated[
        str,
        typer.Argument(metavar="USER", help="A user's id or address, of today or of the past."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    settings: SettingsOption = None,
    output: Form,
) -> None:
    """Delete everything that the app stored about one person, saved conference IDs included.

    It cannot be undone. The tenant is not changed: a user who still has a license is seen again. Shows
    from how many rows of each table the person was deleted, and says what is deleted elsewhere. That
    somebody was forgotten, when and by whom is recorded, without the person's name.

    Example: `acp forget adele@contoso.com`
    """
    from shared.userlists.names import user_name  # noqa: PLC0415

    done = asyncio.run(_forget(user_name(user), settings, yes=yes))
    show(({"table": table, "rows": count} for table, count in done.rows.items()), _COLUMNS, output)
    for note in done.notes:
        tell(f"note: {note}")


async def _forget(name: str, settings: Path | None, *, yes: bool) -> "Forgetting":
    async with connect(settings) as app:
        found = await app.forgetter.find(name)
        if not yes:
            _confirm(found)
        return await app.forgetter.forget(found, await requester(app))


def _confirm(found: "Found") -> None:
    if not sys.stdin.isatty():
        raise CommandError("not an interactive terminal: pass --yes", 2)
    tell(f"{found.name}, id {found.person.id}")
    tell(f"also stored as: {', '.join(sorted(found.person.names - {found.name.lower()})) or '-'}")
    tell("Saved conference IDs and numbers of replaced providers cannot be recovered.")
    print("Type the id to delete all of it: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != found.person.id:
        raise CommandError("not confirmed; nothing was deleted", 2)
