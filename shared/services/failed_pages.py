"""Pages of runs that failed again and again: the run says so and can be gone on with by a person."""

from dataclasses import replace

from shared.errors import InputError
from shared.events import PoisonUnreadable, RunInterrupted
from shared.log import EventLog
from shared.operation import traced
from shared.services.ports import Poison, Runs
from shared.services.queued_requests import PREVIEW
from shared.storage.messages import PageMessage
from shared.storage.runs import RunState


class FailedPages:
    """Turns messages of the requests' poison queue into runs that are interrupted, with a reason."""

    def __init__(self, poison: Poison, runs: Runs, log: EventLog) -> None:
        self._poison = poison
        self._runs = runs
        self._log = log

    @traced
    async def record(self) -> int:
        """Mark the run of every poison message and remove the message; return how many there were.

        What is no message stays in the queue, for a person.
        """
        count = 0
        async for message in self._poison.messages():
            try:
                page = PageMessage.decode(message.text)
            except InputError as error:
                handle = message.handle.id
                self._log.write(PoisonUnreadable(reason=str(error), message=handle))
                continue
            await self._mark(page)
            await self._poison.delete(message)
            count += 1
        return count

    async def _mark(self, page: PageMessage) -> None:
        run = await self._runs.get(page.run)
        if run is None or run.state is RunState.FINISHED:
            return
        state = RunState.FAILED
        if page.page == 0:
            reason = "its users could not be found; begin a new run"
        elif run.cause == PREVIEW:
            reason = f"page {page.page} failed again and again; begin a new dry run"
        else:
            reason = (
                f"page {page.page} failed again and again; go on with: acp move --resume {run.id}"
            )
            state = RunState.INTERRUPTED
        await self._runs.put(replace(run, state=state, reason=reason))
        self._log.write(RunInterrupted(run=run.id, reason=reason))
