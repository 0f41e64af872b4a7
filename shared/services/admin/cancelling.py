"""Cancel a run: what was begun is finished, nobody else is changed.

A state of the run stops it: movers read it before each user, at most a second late. Whoever of the run has
no result yet is queued, so that a mover gives each that result, `cancelled`, and no two write it.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.concurrency import grouped
from shared.domain.messages import move_messages
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import PAUSE_FRESH, RequestedBy
from shared.domain.run import Mode, Run, RunState, Signal, weaker
from shared.errors import ConflictError
from shared.services.admin.reasons import record_action
from shared.services.move_requests.queued import QueuedMoveRequests
from shared.services.moving.held_list import HeldList
from shared.services.ports import HeldUsers, Queue, Runs, State, SweepPages, WaitingUsers
from shared.services.run_changes import change_run, existing_run, one_decision
from shared.telemetry.events import Released
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, traced

_OVER: Final = frozenset({RunState.FINISHED, RunState.FAILED})
_SENT_AT_ONCE: Final = 1_000


class Canceller:
    """Cancels runs. mode: of this app."""

    def __init__(
        self,
        *,
        requests: QueuedMoveRequests,
        held: HeldUsers,
        waiting: WaitingUsers,
        runs: Runs,
        pages: SweepPages,
        state: State,
        queue: Queue,
        mode: Mode,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._requests = requests
        self._held = held
        self._held_list = HeldList(held, waiting)
        self._runs = runs
        self._pages = pages
        self._state = state
        self._queue = queue
        self._mode = mode
        self._clock = clock
        self._log = log

    @traced
    async def cancel_run(self, run_id: str, by: RequestedBy) -> Run:
        """Cancel a run and return it: from then on nobody of it is begun. To repeat it does no harm.

        NoSuchItemError: no such run. ConflictError: it has ended, or it is a list of held users only.
        """
        run = await existing_run(
            self._runs, run_id
        )  # before the lease, whose row would have its name
        async with one_decision(self._state, self._clock, run_id):
            if run.cause not in (Signal.SWEEP, Signal.REQUEST, Signal.PREVIEW):
                raise ConflictError(f"run {run_id!r} only lists held users: discard them")
            run = await self._mark(run, by)
            # Every process has read it by then: when this returns, nobody of the run is begun any more.
            await self._clock.sleep(PAUSE_FRESH)
            if run.cause is Signal.SWEEP:
                await self._end_sweep(run)
            else:
                await self._requests.send_left(run)
            await self._take_off_list(run)
        who, why = self._log.who(by.name), by.why or None
        self._log.write(
            Released(run=run.id, state="cancelled", users=0, requested_by=who, reason=why)
        )
        await record_action(self._state, self._clock, "cancelled", by, run.id)
        return run

    async def _mark(self, run: Run, by: RequestedBy) -> Run:
        now = self._clock.now()
        why = f": {by.why}" if by.why else ""
        # Without a name: the reason is logged with every user.
        reason = f"the run was cancelled, {now:%Y-%m-%d %H:%M} UTC{why}"

        def cancel(it: Run) -> Run | None:
            if it.state in _OVER or it.state is RunState.CANCELLED:
                return None
            cancelled = replace(it, state=RunState.CANCELLED, reason=reason, decided_by=str(by))
            return replace(cancelled, finished_at=now)

        run = await change_run(self._runs, run, cancel)
        if run.state in _OVER:
            raise ConflictError(f"run {run.id!r} is {run.state}: there is nothing to cancel")
        return run

    async def _end_sweep(self, run: Run) -> None:
        await self._send(run, self._unsent(run))
        await self._pages.delete(run.id)
        request = await self._state.sweep_request()
        if request and request.run == run.id:
            await self._state.save_sweep_request(None, request)
        if await self._state.current_sweep() == run.id:
            await self._state.save_current_sweep(None, run.id)

    async def _unsent(self, run: Run) -> AsyncIterator[str]:
        async for page in self._pages.pages(run.id):
            for user in page.to_queue if not page.sent else ():
                yield user

    async def _take_off_list(self, run: Run) -> None:
        held = [each async for each in self._held.held_of(run.id)]

        async def users() -> AsyncIterator[str]:
            for each in held:
                yield each.user_id

        await self._send(run, users())
        for each in held:
            result = UserResult(each.user_id, Outcome.CANCELLED, run.reason, each.upn)
            await self._held_list.remove(result, run.id)
        await self._state.remove_released_sweep(run.id)

    async def _send(self, run: Run, users: AsyncIterator[str]) -> None:
        """Queue users of the run, in full messages: movers give each the result."""
        async for some in grouped(users, _SENT_AT_ONCE):
            mode, now = weaker(self._mode, run.mode), current_id()
            messages = move_messages(run.cause, some, mode=mode, run=run.id, operation=now)
            await self._queue.send(list(messages))
