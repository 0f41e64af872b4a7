"""Lists and finds the runs of the last months."""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.clock import Clock
from shared.domain.run import Run
from shared.errors import NoSuchItemError
from shared.services.ports import Runs


class RunHistory:
    """Reads runs."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock

    async def run(self, run_id: str) -> Run:
        """Return a run; NoSuchItemError: no run has that id."""
        found = await self._runs.find_run(run_id)
        if found is None:
            raise NoSuchItemError(f"run {run_id!r}: there is no such run")
        return found

    async def runs(self, months: int) -> AsyncIterator[Run]:
        """Yield the runs of this month and of the `months - 1` before, the newest first."""
        first = self._clock.now().replace(day=1)
        for _ in range(months):
            for run in reversed([run async for run in self._runs.runs_of_month(first)]):
                yield run
            first = (first - timedelta(days=1)).replace(day=1)
