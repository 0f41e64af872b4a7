"""Record the outcome of each attempt, the history of who was changed, and list users who are not settled."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.history import HistoryEvent, HistoryRecord
from shared.domain.messages import MoveMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import (
    Attempt,
    RetryPolicy,
    Waiting,
    WaitReason,
    after_reprocessing,
    ask_person,
    keep_waiting,
    may_reprocess,
    with_runs,
)
from shared.domain.run import Signal
from shared.errors import ServiceError
from shared.services.moving.brakes import Brakes
from shared.services.ports import Directory, History, Users, WaitingUsers
from shared.telemetry.events import AttentionCleared, Decided
from shared.telemetry.log import EventLog
from shared.telemetry.operation import current_id

_STILL_READY: Final = frozenset({Outcome.HELD, Outcome.WOULD_MOVE, Outcome.WOULD_CHANGE_BRIDGE})
"""Outcomes of users who need the change still, so they stay on the list of the held."""

_DOUBTFUL: Final = frozenset({Outcome.UNLICENSED, Outcome.NOT_FOUND})


class Recorder:
    """Recorder of results. Unsettled users get a row in `waiting`, settled users lose theirs."""

    def __init__(
        self,
        *,
        directory: Directory,
        users: Users,
        waiting: WaitingUsers,
        history: History,
        brakes: Brakes,
        policy: RetryPolicy,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._users = users
        self._waiting = waiting
        self._history = history
        self._brakes = brakes
        self._policy = policy
        self._clock = clock
        self._log = log

    async def record(
        self,
        result: UserResult,
        message: MoveMessage,
        looked_at: datetime,
        *,
        took: float = 0.0,
        report: bool = False,
    ) -> bool:
        """Record one result of an attempt that began at `looked_at`, and log it.

        Return whether the user is now on the list *needs attention*.

        message: the one it belongs to. took: its seconds, for the log. report: nothing may be changed in
        the tenant. StorageError: it was not recorded.
        """
        signal, run = message.cause, message.run
        now = self._clock.now()
        waits, attention = _why_waiting(result), False
        if signal is Signal.CATCH_UP and result.outcome in _DOUBTFUL:
            # The change feed reported a plan that the directory does not show: its reads may lag.
            waits = WaitReason.SECOND_LOOK
        attempt, origin = 1, ""
        if result.change:
            # First: of a change that is recorded elsewhere, no later attempt tells any more.
            await self._add_to_history(result, signal, run)
        if result.outcome is Outcome.CANCELLED:
            pass  # nobody looked: what other signals found of the user stays, and so does a waiting user
        elif waits is None:
            await self._users.record_result(result, signal, now, run, began=looked_at)
            if result.outcome not in _STILL_READY:
                await self._brakes.settle(result, run)
            before = await self._leave_lists(result, looked_at)
            attempt, origin = (before.attempt + 1, before.operation) if before else (1, "")
            if before and before.needs_attention:
                who, why = self._log.who(result.user_id), result.reason
                self._log.write(AttentionCleared(user=who, outcome=result.outcome, reason=why))
        else:
            row = await self._next_row(result, waits, report=report)
            row = replace(row, runs=with_runs((*row.runs, *([run] if run else ()))))
            # First: who has an outcome is settled or listed, also after a crash (`is_covered`).
            await self._waiting.save_waiting(row)
            await self._users.record_result(result, signal, now, run, began=looked_at)
            attempt, origin, attention = row.attempt, row.operation, row.needs_attention
        self._log.write(
            Decided(
                user=self._log.who(result.user_id),
                decision=result.decision,
                outcome=result.outcome,
                cause=signal,
                run=run,
                attempt=attempt,
                duration_ms=round(1000 * took),
                window_ms=None if result.window is None else round(1000 * result.window),
                reason=result.reason,
                origin=origin if origin and origin != current_id() else None,
                license_age_ms=_age_ms(result, now),
            )
        )
        return attention

    async def _add_to_history(self, result: UserResult, signal: Signal, run: str | None) -> None:
        """Add the change of a user to the history: once, however many attempts tell of it."""
        if not (change := result.change):
            return
        its = await self._brakes.begun(run) if run else None
        await self._history.add(
            HistoryRecord(
                result.user_id,
                change.what,
                change.began_at,
                result.upn,
                str(signal),
                run or "",
                its.requested_by if its else "",
                its.ticket if its else "",
                its.note if its else "",
                result.reason,
                change.before,
                change.after,
            )
        )

    async def _leave_lists(self, result: UserResult, looked_at: datetime) -> Waiting | None:
        """Take a user off the lists of who waits or needs attention; return the row that was there."""
        if result.outcome is Outcome.HELD:
            row = await self._waiting.find_waiting(result.user_id)
            if row and row.runs and not await self._brakes.tell_held(result.user_id, row.runs):
                return None  # a person decided meanwhile: the user is tried again
        return await self._waiting.remove_waiting(result, looked_at)

    async def _next_row(self, result: UserResult, cause: WaitReason, *, report: bool) -> Waiting:
        now = self._clock.now()
        if result.needs_person:
            return ask_person(result.user_id, result.upn, result.reason, now)
        attempt = Attempt(
            user_id=result.user_id,
            cause=cause,
            reason=result.reason,
            at=now,
            upn=result.upn,
            pause=timedelta(seconds=result.pause),
            operation=current_id() or "",
            licensed_at=result.licensed_at,
        )
        row = keep_waiting(await self._waiting.find_waiting(result.user_id), attempt, self._policy)
        if may_reprocess(row, self._policy) and not (report or await self._brakes.pause()):
            return await self._reprocess(row)
        return row

    async def _reprocess(self, row: Waiting) -> Waiting:
        """Ask Graph once to reprocess the license; if it refuses, the user needs attention."""
        try:
            await self._directory.reprocess(row.user_id)
        except ServiceError as error:
            return replace(row, reason=f"{row.reason}; reprocessing failed: {error}")
        now = self._clock.now()
        reason = f"waited in vain since {row.since:%Y-%m-%d %H:%M} UTC: {row.reason}"
        what = HistoryEvent.REPROCESSED
        await self._history.add(HistoryRecord(row.user_id, what, now, row.upn, reason=reason))
        return after_reprocessing(row, now, self._policy)


def _age_ms(result: UserResult, now: datetime) -> int | None:
    """Return the milliseconds since the license was assigned; None: not known."""
    at = result.licensed_at
    return None if at is None else max(0, round(1000 * (now - at).total_seconds()))


def _why_waiting(result: UserResult) -> WaitReason | None:
    """Return why a user with this result waits, or None: the user is settled."""
    if result.outcome is Outcome.WAITING:
        return WaitReason.PAUSED if result.paused else WaitReason.PROVISIONING
    if result.outcome is Outcome.FAILED:
        return WaitReason.SERVICE if result.by_service else WaitReason.FAILURE
    return None
