"""Writes down what a look at a user found, and sees to it that nobody who is not settled is forgotten."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.outcome import Outcome, UserResult
from shared.domain.waiting import (
    Cause,
    Look,
    Patience,
    Waiting,
    after_reprocessing,
    ask_person,
    keep_waiting,
    may_reprocess,
)
from shared.errors import ServiceError
from shared.events import Decided
from shared.log import EventLog
from shared.operation import current_id
from shared.services.ports import Directory, Users, WaitingUsers

_WAITS: Final = {Outcome.WAITING: Cause.PROVISIONING, Outcome.FAILED: Cause.FAILURE}
_DOUBTED: Final = frozenset({Outcome.UNLICENSED, Outcome.NOT_FOUND})
_TOLD_BY_DELTA: Final = "catch_up"


class Recorder:
    """Records results. Unsettled users get a row in `waiting`, settled ones lose theirs."""

    def __init__(
        self,
        *,
        directory: Directory,
        users: Users,
        waiting: WaitingUsers,
        patience: Patience,
        clock: Clock,
        log: EventLog,
        report: bool,
    ) -> None:
        self._directory = directory
        self._users = users
        self._waiting = waiting
        self._patience = patience
        self._clock = clock
        self._log = log
        self._report = report

    async def record(
        self,
        result: UserResult,
        cause: str,
        looked_at: datetime,
        *,
        run: str | None = None,
        took: float = 0.0,
    ) -> None:
        """Record one result of a look that began at `looked_at`, and log it.

        run, took: the run it belongs to and its seconds, for the log. StorageError: it was not recorded.
        """
        await self._users.record(result, cause, self._clock.now())
        waits = _WAITS.get(result.outcome)
        if cause == _TOLD_BY_DELTA and result.outcome in _DOUBTED:
            # The change feed told of a plan that the directory does not show: its reads may lag.
            waits = Cause.SECOND_LOOK
        if waits is None:
            before = await self._waiting.remove(result.user_id, looked_at)
            attempt, origin = (before.attempt + 1, before.operation) if before else (1, "")
        else:
            row = await self._next_row(result, waits)
            await self._waiting.put(row)
            attempt, origin = row.attempt, row.operation
        self._log.write(
            Decided(
                user=self._log.who(result.user_id),
                decision=result.decision,
                outcome=result.outcome,
                cause=cause,
                run=run,
                attempt=attempt,
                duration_ms=round(1000 * took),
                reason=result.reason,
                origin=origin if origin and origin != current_id() else None,
            )
        )

    async def _next_row(self, result: UserResult, cause: Cause) -> Waiting:
        now = self._clock.now()
        if result.needs_person:
            return ask_person(result.user_id, result.upn, result.reason, now)
        look = Look(
            user_id=result.user_id,
            cause=cause,
            reason=result.reason,
            at=now,
            upn=result.upn,
            pause=timedelta(seconds=result.pause),
            operation=current_id() or "",
        )
        row = keep_waiting(await self._waiting.get(result.user_id), look, self._patience)
        if may_reprocess(row, self._patience) and not self._report:
            return await self._reprocess(row)
        return row

    async def _reprocess(self, row: Waiting) -> Waiting:
        """Ask Graph once to process the license again; if it refuses, a person is asked instead."""
        try:
            await self._directory.reprocess(row.user_id)
        except ServiceError as error:
            return replace(row, reason=f"{row.reason}; reprocessing failed: {error}")
        return after_reprocessing(row, self._clock.now(), self._patience)
