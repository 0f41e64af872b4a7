"""The runs of the last months, for whoever wants to see them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Protocol

from shared.clock import Clock
from shared.errors import UnknownError
from shared.storage.runs import Run


class KnownRuns(Protocol):
    """The table of runs."""

    async def get(self, run: str) -> Run | None:
        """Return the run, or None."""
        ...

    def month(self, month: datetime) -> AsyncIterator[Run]:
        """Yield the runs that started in a month, oldest first."""
        ...


class Reporter:
    """Reads runs."""

    def __init__(self, runs: KnownRuns, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock

    async def run(self, run_id: str) -> Run:
        """Return a run; UnknownError: there is none of that id."""
        found = await self._runs.get(run_id)
        if found is None:
            raise UnknownError(f"run {run_id!r}: there is no such run; `acp runs` lists them")
        return found

    async def runs(self, months: int) -> AsyncIterator[Run]:
        """Yield the runs of this month and of the `months - 1` before, the newest first."""
        first = self._clock.now().replace(day=1)
        for _ in range(months):
            for run in reversed([run async for run in self._runs.month(first)]):
                yield run
            first = (first - timedelta(days=1)).replace(day=1)
