"""Move the users of one queue message, and record an outcome for each.

Level-triggered reconciliation: every attempt re-reads the user's state, so a message may arrive twice,
late or out of order, and the effect is the same. One user's failure does not affect others.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from shared.clock import Clock
from shared.concurrency import NoRoomError, Room
from shared.domain.changes import CLOCK_MARGIN, is_covered
from shared.domain.decision import Rules
from shared.domain.messages import USERS_PER_MESSAGE, MoveMessage
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import from_result
from shared.domain.run import Mode, Signal, weaker
from shared.domain.user import DirectoryUser
from shared.errors import AcpError, BusyError, StorageError
from shared.services.move_requests.options import options_of
from shared.services.moving.recording import Recorder
from shared.services.moving.terms import Terms
from shared.services.moving.user import UserMover
from shared.services.ports import Directory, MoveRequests, Queue, RuleSource, Runs, Users
from shared.services.upkeep.roster import RosterKeeper
from shared.telemetry.events import Handled, Unrecorded
from shared.telemetry.log import EventLog
from shared.telemetry.operation import operation

_IN_WORK: Final = 3 * USERS_PER_MESSAGE
"""Users that are read and moved at once, per process: what was read is used while it is fresh."""

PATIENCE: Final = 1_200.0
"""Seconds that a message waits for room, or a page of a request for all its users; then it goes to the end
of the queue: the host would stop all that is in work after an hour (host.json, functionTimeout)."""

_OVERTAKEN: Final = frozenset({Signal.LICENSE_EVENT, Signal.RECHECK})

_RETRY_BASE: Final = 30.0
_RETRY_CAP: Final = 3600.0
"""Seconds until users who could not be recorded come again: doubled each time, up to the cap."""


@dataclass(slots=True)
class _Report:
    """The outcome of a message: results, and users whose outcome could not be recorded, with the error.

    duplicates: users of a notification whose change an attempt has seen already.
    """

    results: list[UserResult] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    error: BaseException | None = None
    duplicates: int = 0


class BatchMover:
    """Handles messages: reads their users in one batch, moves and records each.

    mode: of this app; a message changes users only where its own mode permits it, too. patience: for room.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        mover: UserMover,
        runs: Runs,
        requests: MoveRequests,
        recorder: Recorder,
        users: Users,
        queue: Queue,
        rules: RuleSource,
        roster: RosterKeeper,
        mode: Mode,
        clock: Clock,
        log: EventLog,
        patience: float = PATIENCE,
    ) -> None:
        self._directory = directory
        self._mover = mover
        self._runs = runs
        self._requests = requests
        self._recorder = recorder
        self._users = users
        self._queue = queue
        self._rules = rules
        self._roster = roster
        self._mode = mode
        self._clock = clock
        self._log = log
        self._in_work = Room(_IN_WORK)
        self._patience = patience

    async def handle(self, message: MoveMessage) -> list[UserResult]:
        """Move the users of a message from the queue; return what happened to each who was recorded.

        Users whose outcome could not be recorded, or for whom there is no room for long, are sent again,
        alone and later: a busy table or service fails nobody and makes no message poison. StorageError: the
        queue does not take them either.
        """
        with operation(message.operation):
            options = await self._options(message)
            report = await self._move_and_log(message, options, self._patience)
            if isinstance(report.error, AcpError):
                await self._send_again(message, report.unrecorded, report.error)
            elif report.error:
                raise report.error
        return report.results

    async def _options(self, message: MoveMessage) -> MoveOptions:
        """Return the options of the request that a released user belongs to."""
        if message.cause is not Signal.REQUEST or not message.run:
            return DEFAULT_OPTIONS
        return await options_of(self._requests, message.run, message.users)

    async def move(
        self,
        message: MoveMessage,
        options: MoveOptions = DEFAULT_OPTIONS,
        patience: float | None = None,
    ) -> list[UserResult]:
        """Move the users of a requested run; return what happened to each, in order.

        StorageError: an outcome could not be recorded. BusyError: the same, or no room in so many seconds.
        """
        with operation(message.operation):
            report = await self._move_and_log(message, options, patience)
        if report.error:
            raise report.error
        return report.results

    async def _move_and_log(
        self, message: MoveMessage, options: MoveOptions, patience: float | None
    ) -> _Report:
        """Move the users, or nobody where there is no room for them in so many seconds."""
        with operation() as here:
            try:
                async with self._in_work.take(len(message.users), patience):
                    began = self._clock.monotonic()
                    report = await self._move(message, options)
            except NoRoomError:
                full = BusyError(f"no room within {patience:.0f} s")
                return _Report(unrecorded=list(message.users), error=full)
            took = self._clock.monotonic() - began
            self._log.write(_handled(message, report, here.throttled, took))
        return report

    async def _move(self, message: MoveMessage, options: MoveOptions) -> _Report:
        ids = list(dict.fromkeys(message.users))
        began = self._clock.now()
        report = _Report()
        if covered := await self._covered(message, ids, began):
            report.duplicates = len(covered)
            ids = [user for user in ids if user not in covered]
            if not ids:
                return report
        read_at = self._clock.monotonic()
        found, rules = await self._look_up(ids, options)
        report_only = weaker(self._mode, message.mode) is Mode.REPORT
        terms = Terms(
            rules,
            options.send_email,
            report_only,
            message.run,
            read_at,
            message.cause,
            options.expected,
        )
        moves = (
            self._move_and_record(
                user, found[user], terms.with_numbers(options.own_numbers.get(user)), message, began
            )
            for user in ids
        )
        seen = []
        for user, recorded in zip(
            ids, await asyncio.gather(*moves, return_exceptions=True), strict=True
        ):
            if isinstance(recorded, BaseException):
                report.unrecorded.append(user)
                report.error = recorded
            else:
                result, attention = recorded
                report.results.append(result)
                if result.outcome is not Outcome.CANCELLED:
                    seen.append(from_result(result, found[user], began, attention=attention))
        await self._roster.note(seen, message.cause)
        if message.run and report.results:
            # Also when somebody's outcome was not recorded: the others have theirs.
            try:
                now = self._clock.now()
                await self._runs.record_results(message.run, report.results, now, began)
            except AcpError as error:
                report.unrecorded, report.error = ids, error
        return report

    async def _covered(
        self, message: MoveMessage, ids: Sequence[str], now: datetime
    ) -> frozenset[str]:
        """Return the users of a notification, or of a recheck, whose last attempt began after it arrived.

        Where the queue is so long that users who wait are due again, each of them is attempted once.
        Nothing is read for a message that no attempt can have overtaken yet. Others cost a point read per
        user: one query for users of several partitions would scan the table.
        """
        arrived = message.arrived
        if message.cause not in _OVERTAKEN or message.run or arrived is None:
            return frozenset()
        if now <= arrived + CLOCK_MARGIN:
            return frozenset()
        covered = await asyncio.gather(*(self._is_covered(user, arrived, now) for user in ids))
        return frozenset(user for user, done in zip(ids, covered, strict=True) if done)

    async def _is_covered(self, user_id: str, arrived: datetime, now: datetime) -> bool:
        try:
            return is_covered(arrived, await self._users.known(user_id), now)
        except StorageError:
            return False  # in doubt there is an attempt

    async def _look_up(
        self, ids: Sequence[str], options: MoveOptions
    ) -> tuple[Mapping[str, DirectoryUser | Exception], Rules]:
        """Return the users, or why each cannot be read, and the rules: without them nobody is moved."""
        try:
            rules = await self._rules.current(options)
            return await self._directory.users(ids), rules
        except Exception as error:  # noqa: BLE001 - it becomes each user's failure, recorded below
            return dict.fromkeys(ids, error), Rules()

    async def _move_and_record(
        self,
        user_id: str,
        found: DirectoryUser | Exception,
        terms: Terms,
        message: MoveMessage,
        began: datetime,
    ) -> tuple[UserResult, bool]:
        """Move and record one user as soon as possible, however slow the others are.

        Return the result, and whether the user is now on the list *needs attention*.
        """
        started = self._clock.monotonic()
        result = await self._mover.move(user_id, found, terms)
        took = self._clock.monotonic() - started
        attention = await self._recorder.record(
            result, message, began, took=took, report=terms.report
        )
        return result, attention

    async def _send_again(
        self, message: MoveMessage, users: Sequence[str], error: AcpError
    ) -> None:
        mode = weaker(self._mode, message.mode)
        later = replace(message, users=tuple(users), retries=message.retries + 1, mode=mode)
        delay = min(_RETRY_CAP, _RETRY_BASE * 2**message.retries)
        await self._queue.send([later], delay=delay)
        self._log.write(Unrecorded(users=len(users), retries=later.retries, reason=str(error)))


def _handled(message: MoveMessage, report: _Report, throttled: int, took: float) -> Handled:
    outcomes = Counter(result.outcome for result in report.results)
    return Handled(
        cause=message.cause,
        run=message.run,
        users=len(report.results),
        moved=outcomes[Outcome.MOVED],
        bridge_changed=outcomes[Outcome.BRIDGE_CHANGED],
        would_move=outcomes[Outcome.WOULD_MOVE],
        would_change_bridge=outcomes[Outcome.WOULD_CHANGE_BRIDGE],
        waiting=outcomes[Outcome.WAITING],
        failed=outcomes[Outcome.FAILED],
        throttled=throttled,
        duration_ms=round(1000 * took),
        duplicates=report.duplicates or None,
    )
