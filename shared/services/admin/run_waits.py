"""Users of a run who still wait, and users of it who need attention."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.run import Run, Signal
from shared.services.ports import WaitingUsers

_MAY_WAIT: Final = ("waiting", "failed")


@dataclass(frozen=True, slots=True)
class Waits:
    """How many users of a run are not settled. due: the app tries them again; attention: a person helps.

    next_due: when the first of them is due. untold: the final outcome of some is there, and the app tells
    the run within a minute.
    """

    due: int = 0
    next_due: datetime | None = None
    attention: int = 0
    untold: bool = False


class RunWaits:
    """Counts the users of a run who are not settled."""

    def __init__(self, waiting: WaitingUsers) -> None:
        self._waiting = waiting

    async def of(self, run: Run) -> Waits:
        """Return those of a run; where its counts say that there are none, nothing is read."""
        if run.cause is Signal.PREVIEW or not any(run.counts.get(name) for name in _MAY_WAIT):
            return Waits()
        table = self._waiting
        due = [row.due async for row in table.waiting() if run.id in row.runs]
        attention = [run.id in row.runs async for row in table.attention()]
        untold = any([run.id in user.runs async for user in table.settled()])
        return Waits(len(due), min(due, default=None), sum(attention), untold)
