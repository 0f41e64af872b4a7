"""Handle pages that failed repeatedly: mark the run, so that an administrator can resume it."""

from dataclasses import replace
from typing import Final

from shared.domain.messages import PageMessage
from shared.domain.run import Run, RunState, Signal
from shared.errors import UnreadableRowError
from shared.services.ports import Poison, Runs
from shared.services.run_changes import change_run
from shared.services.upkeep.poison import readable
from shared.telemetry.events import RunInterrupted
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_OVER: Final = frozenset({RunState.FINISHED, RunState.CANCELLED})


class FailedPages:
    """Marks the runs of messages on the requests' poison queue as interrupted, with a reason."""

    def __init__(self, poison: Poison[PageMessage], runs: Runs, log: EventLog) -> None:
        self._poison = poison
        self._runs = runs
        self._log = log

    @traced
    async def record(self) -> int:
        """Mark the run of every poison message and remove the message; return the number of messages.

        A malformed message stays in the queue for an administrator to examine.
        """
        count = 0
        async for message, page in readable(self._poison, self._log):
            try:
                await self._mark(page)
            except UnreadableRowError:
                continue  # reported; the message stays until the run's row can be read
            await self._poison.delete(message)
            count += 1
        return count

    async def _mark(self, page: PageMessage) -> None:
        run = await self._runs.find_run(page.run)
        if run is None:
            return
        state = RunState.FAILED
        if page.page == 0:
            reason = "its users could not be found; begin a new run"
        elif run.cause is Signal.PREVIEW:
            reason = f"page {page.page} failed repeatedly; begin a new dry run"
        else:
            reason = f"page {page.page} failed repeatedly; resume the run"
            state = RunState.INTERRUPTED

        def change(known: Run) -> Run | None:
            if known.state in _OVER:
                return None
            return replace(known, state=state, reason=reason)

        if (await change_run(self._runs, run, change)).state not in _OVER:
            self._log.write(RunInterrupted(run=run.id, reason=reason))
