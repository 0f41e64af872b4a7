"""Users of a run who still wait, and users of it who need attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from cli.output import tell
from cli.table import when
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.retry import Waiting
    from shared.domain.run import Run

_MAY_WAIT = ("waiting", "failed")


@dataclass(frozen=True, slots=True)
class Waiters:
    """Users of a run whom the app tries again. due: by itself; attention: a person has to help.

    untold: the final outcome of some is there, and the app tells the run within a minute.
    """

    run: str
    due: "Sequence[Waiting]" = ()
    attention: "Sequence[Waiting]" = ()
    untold: bool = False

    @classmethod
    async def of(cls, app: "App", run: "Run") -> Self:
        """Return those of a run; where its counts say that there are none, nothing is read."""
        if not any(run.counts.get(name) for name in _MAY_WAIT):
            return cls(run.id)
        table = app.adapters.waiting
        return cls(
            run.id,
            [row async for row in table.waiting() if run.id in row.runs],
            [row async for row in table.attention() if run.id in row.runs],
            any([run.id in user.runs async for user in table.settled()]),
        )

    def tell(self, now: datetime) -> None:
        """Say how many there are, and when the next one is due."""
        if self.due:
            due = min(row.due for row in self.due)
            who = counted(len(self.due), "user waits", "users wait")
            tell(f"{who}, and the app tries again by itself; the next one is due {when(due, now)}")
            tell(f"to wait for them: acp run {self.run} --until-settled")
        if self.attention:
            who = counted(len(self.attention), "user needs", "users need")
            tell(f"{who} attention: acp attention")
