"""Looks at the users of one queue message and sets Microsoft as provider where the table says so.

Every look re-reads the user's state, so a message may come twice, late or out of order: the effect
is the same. One user's failure touches no other. What a look found is always recorded.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from shared.clock import Clock
from shared.domain.decision import Rules
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser
from shared.events import Handled
from shared.log import EventLog
from shared.operation import operation
from shared.services.ports import Directory, Runs
from shared.services.recording import Recorder
from shared.services.settling import Settler, Wanted
from shared.storage.messages import MoveMessage


class Mover:
    """Works messages off: reads their users in one batch, and lets each be settled and recorded."""

    def __init__(
        self,
        *,
        directory: Directory,
        settler: Settler,
        runs: Runs,
        recorder: Recorder,
        rules: Rules,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._settler = settler
        self._runs = runs
        self._recorder = recorder
        self._rules = rules
        self._clock = clock
        self._log = log

    async def move(
        self, message: MoveMessage, options: MoveOptions = DEFAULT_OPTIONS
    ) -> list[UserResult]:
        """Look at every user of `message`; return what happened to each, in its order.

        Raises StorageError when an outcome could not be recorded: then the message has to come
        again, for nothing else would remember its users.
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
        rules = self._rules.asking(options.service_number, options.toll_free_number)
        wanted = Wanted(rules, options.send_email)
        looks = (self._look_and_record(user, found[user], wanted, message, began) for user in ids)
        results: list[UserResult] = []
        errors: list[BaseException] = []
        for result in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(result, BaseException):
                errors.append(result)
            else:
                results.append(result)
        if message.run and results:
            # Also when somebody's outcome was not recorded: the others' would come out otherwise
            # when the message comes again.
            await self._runs.record(message.run, results, self._clock.now())
        if errors:
            raise errors[0]
        return results

    async def _look_up(self, ids: Sequence[str]) -> dict[str, DirectoryUser | Exception]:
        try:
            return dict(await self._directory.users(ids))
        except Exception as error:  # noqa: BLE001 - it becomes each user's failure, recorded below
            return dict.fromkeys(ids, error)

    async def _look_and_record(
        self,
        user_id: str,
        found: DirectoryUser | Exception,
        wanted: Wanted,
        message: MoveMessage,
        began: datetime,
    ) -> UserResult:
        """Settle and record one user as soon as it can be, however slow the others are."""
        started = self._clock.monotonic()
        result = await self._settler.settle(user_id, found, wanted)
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
