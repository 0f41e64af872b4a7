"""Move the users of one queue message, and record an outcome for each.

Level-triggered reconciliation: every attempt re-reads the user's state, so a message may arrive twice,
late or out of order, and the effect is the same. One user's failure does not affect others.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from shared.clock import Clock
from shared.domain.decision import Rules
from shared.domain.messages import MoveMessage
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser
from shared.services.moving.recording import Recorder
from shared.services.moving.user import Terms, UserMover
from shared.services.ports import Directory, Runs
from shared.telemetry.events import Handled
from shared.telemetry.log import EventLog
from shared.telemetry.operation import operation


class BatchMover:
    """Handler of messages: reads their users in one batch, moves and records each."""

    def __init__(
        self,
        *,
        directory: Directory,
        mover: UserMover,
        runs: Runs,
        recorder: Recorder,
        rules: Rules,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._mover = mover
        self._runs = runs
        self._recorder = recorder
        self._rules = rules
        self._clock = clock
        self._log = log

    async def move(
        self, message: MoveMessage, options: MoveOptions = DEFAULT_OPTIONS
    ) -> list[UserResult]:
        """Move every user of `message` who has to be moved; return the results in the same order.

        Raises StorageError when an outcome could not be recorded: then the message has to be
        delivered again, because nothing else remembers its users.
        """
        with operation(message.operation) as here:
            began = self._clock.monotonic()
            results = await self._move(message, options)
            took = self._clock.monotonic() - began
            self._log.write(_handled(message, results, here.throttled, took))
        return results

    async def _move(self, message: MoveMessage, options: MoveOptions) -> list[UserResult]:
        ids = list(dict.fromkeys(message.users))
        began = self._clock.now()
        found = await self._look_up(ids)
        rules = self._rules.with_numbers(options.service_number, options.toll_free_number)
        terms = Terms(rules, options.send_email)
        moves = (self._move_and_record(user, found[user], terms, message, began) for user in ids)
        results: list[UserResult] = []
        errors: list[BaseException] = []
        for result in await asyncio.gather(*moves, return_exceptions=True):
            if isinstance(result, BaseException):
                errors.append(result)
            else:
                results.append(result)
        if message.run and results:
            # Also if a user's outcome was not recorded: the others' would be different
            # when the message is delivered again.
            await self._runs.record_results(message.run, results, self._clock.now())
        if errors:
            raise errors[0]
        return results

    async def _look_up(self, ids: Sequence[str]) -> dict[str, DirectoryUser | Exception]:
        try:
            return dict(await self._directory.users(ids))
        except Exception as error:  # noqa: BLE001 - it becomes each user's failure, recorded below
            return dict.fromkeys(ids, error)

    async def _move_and_record(
        self,
        user_id: str,
        found: DirectoryUser | Exception,
        terms: Terms,
        message: MoveMessage,
        began: datetime,
    ) -> UserResult:
        """Move and record one user as soon as possible, however slow the others are."""
        started = self._clock.monotonic()
        result = await self._mover.move(user_id, found, terms)
        took = self._clock.monotonic() - started
        await self._recorder.record(result, message.cause, began, run=message.run, took=took)
        return result


def _handled(
    message: MoveMessage, results: Sequence[UserResult], throttled: int, took: float
) -> Handled:
    outcomes = Counter(result.outcome for result in results)
    return Handled(
        cause=message.cause,
        run=message.run,
        users=len(results),
        moved=outcomes[Outcome.MOVED],
        would_move=outcomes[Outcome.WOULD_MOVE],
        waiting=outcomes[Outcome.WAITING],
        failed=outcomes[Outcome.FAILED],
        throttled=throttled,
        duration_ms=round(1000 * took),
    )
