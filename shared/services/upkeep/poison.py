"""Handle poison messages: list their users as needing attention."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared.clock import Clock
from shared.domain.messages import MoveMessage, PoisonMessage, Upkeep, UpkeepMessage
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import ask_person, with_runs
from shared.services.ports import Poison, Queue, Runs, Users, WaitingUsers
from shared.telemetry.events import (
    NeedsAttention,
    PoisonRecorded,
    PoisonUnreadable,
    RenewalFailed,
    UpkeepFailed,
)
from shared.telemetry.log import EventLog
from shared.telemetry.operation import operation, traced

_ALONE_AFTER: Final = 60.0
"""Seconds until the users of a poison message come again, each alone."""

_REASON: Final = "its queue message failed repeatedly; the log of move_users says why"
_RENEWAL: Final = (
    "Graph asked to renew the change subscription, and that failed repeatedly; the log of "
    "run_upkeep says why, and keep_subscription tries at its own schedule"
)
_UPKEEP: Final = (
    "it failed repeatedly; the log of run_upkeep says why, and tick tries at its schedule"
)


async def readable[Content](
    poison: Poison[Content], log: EventLog
) -> AsyncIterator[tuple[PoisonMessage[Content], Content]]:
    """Yield messages with their content; a malformed one is logged, and stays for an administrator."""
    async for message in poison.messages():
        if message.content is None:
            log.write(PoisonUnreadable(reason=message.fault, message=message.id))
        else:
            yield message, message.content


class PoisonRecorder:
    """Gives the users of poison messages another attempt, each alone, before they need attention.

    One user whose message fails must not take its neighbors along. Failed upkeep is reported.
    """

    def __init__(
        self,
        *,
        moves: Poison[MoveMessage],
        upkeep: Poison[UpkeepMessage],
        queue: Queue,
        users: Users,
        runs: Runs,
        waiting: WaitingUsers,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._moves = moves
        self._upkeep = upkeep
        self._queue = queue
        self._users = users
        self._runs = runs
        self._waiting = waiting
        self._clock = clock
        self._log = log

    @traced
    async def record(self) -> int:
        """Record the users of every poison message and remove it; return how many users.

        A malformed message stays in the queue for an administrator to examine; each read logs it.
        """
        await self._report_upkeep()
        messages = users = 0
        async for message, move in readable(self._moves, self._log):
            with operation(move.operation):
                await self._handle(move, message.inserted_at)
            await self._moves.delete(message)
            messages, users = messages + 1, users + len(move.users)
        if messages:
            self._log.write(PoisonRecorded(messages=messages, users=users))
        return users

    async def _report_upkeep(self) -> None:
        async for message, failed in readable(self._upkeep, self._log):
            if failed.part is Upkeep.RENEW:
                self._log.write(RenewalFailed(reason=_RENEWAL))
            else:
                self._log.write(UpkeepFailed(part=failed.part, reason=_UPKEEP))
            await self._upkeep.delete(message)

    async def _handle(self, message: MoveMessage, inserted_at: datetime | None) -> None:
        """Send the users once more, each alone; who came alone and was not recorded needs attention."""
        if len(message.users) > 1 or not message.retries:
            alone = [
                replace(message, users=(user,), retries=message.retries + 1)
                for user in message.users
            ]
            await self._queue.send(alone, delay=_ALONE_AFTER)
            return
        for user in message.users:
            known = await self._users.known(user)
            recorded = known.looked_at if known else None
            if not (recorded and inserted_at and recorded > inserted_at):
                await self._record_user(user, message.run)

    async def _record_user(self, user: str, run: str | None) -> None:
        row = await self._waiting.find_waiting(user)
        if row is None or not row.needs_attention:  # a known reason says more
            row = ask_person(user, "", _REASON, self._clock.now())
        await self._waiting.save_waiting(
            replace(row, runs=with_runs((*row.runs, *([run] if run else ()))))
        )
        if run:
            failed = UserResult(user, Outcome.FAILED, row.reason, row.upn)
            await self._runs.record_results(run, [failed], self._clock.now())
        self._log.write(NeedsAttention(user=self._log.who(user), reason=_REASON))
