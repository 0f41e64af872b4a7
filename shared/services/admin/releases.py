"""Release or discard the users whom the guard holds, all of a run or some.

A release marks the users and lists the run; a timer queues them. So a crash in between is cured by
releasing again, and who is queued is read again before anything is changed.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import batched
from typing import Final

from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.held import HeldSelection, HeldUser
from shared.domain.history import DialIn, HistoryEvent, HistoryRecord
from shared.domain.messages import move_messages
from shared.domain.outcome import Outcome, UserResult
from shared.domain.pause import RequestedBy
from shared.domain.run import Mode, Run, RunState, Signal
from shared.errors import ConflictError, InputError, NotPermittedError
from shared.services.admin.reasons import record_action
from shared.services.moving.held_list import HeldList
from shared.services.ports import (
    HeldUsers,
    History,
    Queue,
    Runs,
    State,
    SweepPages,
    WaitingUsers,
)
from shared.services.run_changes import change_run, existing_run, one_decision
from shared.telemetry.events import Released
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id, traced
from shared.text import counted

EVERYBODY: Final = HeldSelection()
_IN_FLIGHT: Final = 16
_SENT_AT_ONCE: Final = 1_000
_NAMED: Final = 10
_UNDER_WAY: Final = frozenset({RunState.RUNNING, RunState.INTERRUPTED})


class Releases:
    """Releases and discards held users. mode: of this app. approvers: who may release; empty: anybody."""

    def __init__(
        self,
        *,
        held: HeldUsers,
        waiting: WaitingUsers,
        runs: Runs,
        history: History,
        pages: SweepPages,
        state: State,
        queue: Queue,
        mode: Mode,
        clock: Clock,
        log: EventLog,
        approvers: frozenset[str] = frozenset(),
    ) -> None:
        self._held = held
        self._held_list = HeldList(held, waiting)
        self._runs = runs
        self._history = history
        self._pages = pages
        self._state = state
        self._queue = queue
        self._mode = mode
        self._clock = clock
        self._log = log
        self._approvers = approvers

    async def release_run(
        self, run_id: str, by: RequestedBy, chosen: HeldSelection = EVERYBODY
    ) -> tuple[Run, int]:
        """Permit the changes of held users of a run; return it and how many they are.

        They are queued at the next `resume`, and count against nothing but this. NoSuchItemError: no such
        run. ConflictError: it holds nobody, or somebody else is releasing or discarding just now.
        InputError: nobody who is held was chosen. NotPermittedError: it takes an approver.
        """
        # Before the lease, whose row would have its name.
        check_approver(await existing_run(self._runs, run_id), by, self._approvers)
        async with one_decision(self._state, self._clock, run_id):
            run, users = await self._choose(run_id, chosen)
            # Listed first: whoever is marked is queued, also after a crash in between.
            await self._state.add_released_sweep(run.id)
            await self._record(users, HistoryEvent.RELEASED, by)
            await gather_bounded(map(self._mark, users), _IN_FLIGHT)
            # Of a whole sweep, those as well who are on the queue and not held yet.
            whole = run.released or (run.holds and chosen == EVERYBODY)

            def release(it: Run) -> Run:
                return replace(it, state=RunState.RELEASED, decided_by=by.said, released=whole)

            run = await change_run(self._runs, run, release)
        await self._tell(run, "released", len(users), by)
        return run, len(users)

    async def discard_run(
        self, run_id: str, by: RequestedBy, chosen: HeldSelection = EVERYBODY
    ) -> tuple[Run, int]:
        """Take held users of a run off its list; return it and how many they were.

        Nobody is changed for it. Whoever is still ready to be moved is found by a later signal, and
        counts like any other. Errors: as for a release.
        """
        await existing_run(self._runs, run_id)  # before the lease, whose row would have its name
        async with one_decision(self._state, self._clock, run_id):
            run, users = await self._choose(run_id, chosen)
            await self._record(users, HistoryEvent.DISCARDED, by)
            why = f"discarded by {by.said}"
            results = (UserResult(it.user_id, Outcome.CANCELLED, why, it.upn) for it in users)
            await gather_bounded(map(self._held_list.remove, results), _IN_FLIGHT)
            run = replace(run, decided_by=by.said)
            run = await self._settle(run, f"{len(users)} held users were discarded")
        await self._tell(run, "discarded", len(users), by)
        return run, len(users)

    @traced
    async def resume(self) -> int:
        """Queue everybody who was released; return how many. StorageError: the rest comes next time."""
        sent = 0
        for run_id in await self._state.released_sweeps():
            with suppress(ConflictError):  # a person is deciding about it: at the next time
                async with one_decision(self._state, self._clock, run_id):
                    sent += await self._send(run_id)
        return sent

    async def _send(self, run_id: str) -> int:
        run = await self._runs.find_run(run_id)
        if run is None:
            await self._state.remove_released_sweep(run_id)
            return 0
        if run.state is RunState.RELEASED and await self._adopt(run):
            await gather_bounded(map(self._mark, await self._unreleased(run_id)), _IN_FLIGHT)
        sent = 0
        for signal in Signal:
            users = [
                each.user_id
                async for each in self._held.held_of(run_id)
                if each.released and each.signal is signal
            ]
            for some in batched(users, _SENT_AT_ONCE, strict=False):
                messages = move_messages(
                    signal, some, mode=self._mode, run=run_id, operation=current_id()
                )
                await self._queue.send(list(messages))
            sent += len(users)
        if sent:
            await self._state.add_open_run(run_id)
        await self._settle(run, "", RunState.MOVING if sent else RunState.FINISHED)
        await self._state.remove_released_sweep(run_id)
        return sent

    async def _choose(self, run_id: str, chosen: HeldSelection) -> tuple[Run, list[HeldUser]]:
        run = await existing_run(self._runs, run_id)
        if run.state is RunState.CANCELLED:
            raise ConflictError(
                f"run {run_id!r} is cancelled ({run.decided_by}): it holds nobody; begin a new run"
            )
        await self._adopt(run)
        held = await self._unreleased(run_id)
        queued = run.holds and run.state is RunState.HELD and chosen == EVERYBODY
        if not held and queued:
            return run, []
        if not held:
            why = ""
            if run.decided_by:
                why = f"; {run.decided_by} decided last"
            elif run.state is RunState.HELD:
                why = "; its users are on the list of another run"
            raise ConflictError(f"run {run_id!r} is {run.state}: it holds nobody{why}")
        if run.state in _UNDER_WAY:
            raise ConflictError(f"run {run_id!r} is {run.state}: wait until it has ended")
        if strangers := chosen.strangers(held):
            named = ", ".join(strangers[:_NAMED])
            raise InputError(f"users: run {run_id!r} does not hold {named}")
        users = list(chosen.of(held))
        if not users:
            known = ", ".join(sorted({each.provider or "none" for each in held}))
            raise InputError(f"run {run_id!r} holds nobody like that; it has users of {known}")
        return run, users

    async def _adopt(self, run: Run) -> bool:
        """List the users of a sweep that the version before held; return whether there are any."""
        if run.cause is not Signal.SWEEP or run.state not in (RunState.HELD, RunState.RELEASED):
            return False
        adopted = False
        async for page in self._pages.pages(run.id):
            for user in page.to_queue if not page.sent else ():
                adopted = True
                at = run.finished_at or run.started_at
                row = HeldUser(user, "", "", Signal.SWEEP, run.id, at, run.reason)
                await self._held.add_held(row)
        await self._pages.delete(run.id)
        return adopted

    async def _unreleased(self, run_id: str) -> list[HeldUser]:
        return [each async for each in self._held.held_of(run_id) if not each.released]

    async def _settle(self, run: Run, reason: str, ended_as: RunState = RunState.FINISHED) -> Run:
        """Save a run as held while it holds anybody, else as ended."""
        left = await self._unreleased(run.id)
        state = RunState.HELD if left else ended_as
        ended = run.finished_at or self._clock.now()
        by, why = run.decided_by, run.reason if left else reason

        def settle(it: Run) -> Run | None:
            if it.state is RunState.CANCELLED:
                return None
            return replace(it, state=state, reason=why, finished_at=ended, decided_by=by)

        return await change_run(self._runs, run, settle)

    async def _record(self, users: Iterable[HeldUser], what: HistoryEvent, by: RequestedBy) -> None:
        """Add a decision to the history of each user, before it is carried out."""
        now = self._clock.now()
        records = (
            HistoryRecord(
                each.user_id,
                what,
                now,
                each.upn,
                str(each.signal),
                each.run,
                str(by),
                by.ticket,
                by.note,
                each.reason,
                DialIn(each.provider),
            )
            for each in users
        )
        await gather_bounded(map(self._history.add, records), _IN_FLIGHT)

    async def _mark(self, user: HeldUser) -> None:
        await self._held.mark_released(user.user_id, self._clock.now())

    async def _tell(self, run: Run, state: str, users: int, by: RequestedBy) -> None:
        who, why = self._log.who(by.name), by.why or None
        self._log.write(
            Released(run=run.id, state=state, users=users, requested_by=who, reason=why)
        )
        await record_action(
            self._state, self._clock, state, by, f"{run.id}: {counted(users, 'user')}"
        )


def check_approver(run: Run, by: RequestedBy, approvers: frozenset[str]) -> None:
    """Raise NotPermittedError unless `by` may release users of a run: the second person, signed in."""
    if not approvers:
        return
    if not by.id:
        raise NotPermittedError(
            "ACP_APPROVERS: a release takes the sign-in of an approver; a key or a machine has none",
            signed_in=False,
        )
    if not approvers & {by.name.casefold(), by.id.casefold()}:
        raise NotPermittedError("ACP_APPROVERS does not name you", signed_in=True)
    if f"({by.id})" in run.requested_by:
        raise NotPermittedError(
            f"you began run {run.id!r}: another approver has to release it", signed_in=True
        )
