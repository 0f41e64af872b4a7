"""How far a run is and how it ended, in words and as an exit status: the same for every command."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cli.output import tell
from cli.table import counts as in_words
from cli.table import when
from shared.text import counted, plain

if TYPE_CHECKING:
    from shared.services.admin.run_waits import Waits
    from shared.views.runs import WaitsView

_TROUBLE: Final = frozenset({"failed", "not_found", "held", "cancelled"})
_ENDED_BADLY: Final = frozenset({"failed", "held", "cancelled", "interrupted"})
_OF_NAMED: Final = _TROUBLE | {"unlicensed"}
"""Outcomes that end with 1; users whom nobody named are rightly skipped without a license."""


def progress(state: str, done: int, expected: int, counts: Mapping[str, int]) -> str:
    """Return how far a run is. expected: users who will have an outcome, 0: not known yet."""
    how_far = f"{done:,} of {counted(expected, 'user')}: " if expected else ""
    return f"  {plain(state)}: {how_far}{plain(in_words(counts))}"


def tell_waits(
    run: str, waits: "Waits | WaitsView", now: datetime, *, by_app: bool = False
) -> None:
    """Say how many users of a run still wait, when the next one is due, and how many need somebody.

    by_app: followed through the app alone, so that no command is named that needs its storage.
    """
    if waits.due and waits.next_due:
        who = counted(waits.due, "user waits", "users wait")
        due = when(waits.next_due, now)
        tell(f"{who}, and the app tries again by itself; the next one is due {due}")
        if not by_app:
            tell(f"to wait for them: acp run {run} --until-settled")
    if waits.attention:
        who = counted(waits.attention, "user needs", "users need")
        tell(f"{who} attention{'' if by_app else ': acp attention'}")


def status(
    outcomes: Iterable[str], *, by_name: bool, state: str = "finished", attention: int = 0
) -> int:
    """Return the exit status: 1 where somebody has to help.

    by_name: the users were named one by one. state: of their run, where it goes no further. attention: how
    many users need it.
    """
    trouble = _OF_NAMED if by_name else _TROUBLE
    return int(state in _ENDED_BADLY or attention > 0 or any(each in trouble for each in outcomes))
