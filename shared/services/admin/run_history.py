"""Lists and finds the runs of the last months."""

from collections.abc import AsyncIterator

from shared.clock import Clock
from shared.domain.run import Run, Signal, months_back
from shared.services.ports import Runs
from shared.services.run_changes import existing_run


class RunHistory:
    """Reads runs."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock

    async def run(self, run_id: str) -> Run:
        """Return a run; NoSuchItemError: no run has that id."""
        return await existing_run(self._runs, run_id)

    async def page(
        self, limit: int, after: str = "", signals: frozenset[Signal] = frozenset(Signal)
    ) -> tuple[list[Run], str | None]:
        """Return at most `limit` runs of these signals, the newest first, and where the next page begins.

        after: `next` of the page before: the id of its last run.
        """
        found: list[Run] = []
        if oldest := await self._runs.first_month():
            async for run in self._runs.back_to(oldest, self._clock.now(), after):
                if run.cause in signals:
                    if len(found) == limit:
                        return found, found[-1].id
                    found.append(run)
        return found, None

    def runs(self, months: int, signal: Signal | None = None) -> AsyncIterator[Run]:
        """Yield the runs of this month and of the `months - 1` before, the newest first.

        signal: only those that it began.
        """
        now = self._clock.now()
        return self._runs.back_to(months_back(now, months - 1), now, signal=signal)
