"""The question before a move: how many of the named users will really be changed."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.advice import summary
from cli.errors import CommandError
from cli.output import tell
from shared.domain.decision import Action
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.options import MoveOptions

CHANGING = frozenset({"would_move", "would_change_bridge"})
"""Outcomes of a dry run that a move changes."""


async def confirmed(app: "App", names: Sequence[str], options: "MoveOptions") -> int:
    """Look at the users, say how many will be changed, ask, and return their number.

    CommandError: there is no terminal, or another number was typed.
    """
    require_terminal()
    outcomes: Counter[str] = Counter()
    changes = 0
    async for result in app.previewer.preview(names, options):
        outcomes[result.outcome] += 1
        is_number = result.decision is Action.SET_NUMBER
        changes += result.outcome in CHANGING or is_number
    ask(changes, outcomes)
    return changes


def ask(changes: int, outcomes: Counter[str]) -> None:
    """Ask for the number of users who will be changed; if nobody will be, there is no question."""
    total = outcomes.total()
    tell(
        f"{changes:,} of {counted(total, 'user')} will be changed ({summary(outcomes.elements())})"
    )
    if changes:
        confirm(changes)
    else:
        tell("nothing to do; --dry-run says why for each user")


def require_terminal() -> None:
    """Raise CommandError without a terminal on which to ask."""
    if not sys.stdin.isatty():
        raise CommandError("not an interactive terminal: pass --yes, or --dry-run to preview", 2)


def confirm(count: int | str) -> None:
    """Have a number typed; CommandError: there is no terminal, or something else was typed."""
    require_terminal()
    # Not with `input`, which writes to standard output: that is for the data.
    print(f"Type {count} to move these users: ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if typed.strip().replace(",", "") != str(count):
        raise CommandError("not confirmed; nothing was changed", 2)
