"""Users whose queue message failed again and again need a person's attention, not silence."""

from typing import Final

from shared.clock import Clock
from shared.domain.waiting import ask_person
from shared.errors import InputError
from shared.events import NeedsAttention, PoisonRecorded, PoisonUnreadable
from shared.log import EventLog
from shared.operation import operation, traced
from shared.services.ports import Poison, WaitingUsers
from shared.storage.messages import MoveMessage

_REASON: Final = "its queue message failed again and again; the log of move_users says why"


class PoisonRecorder:
    """Turns messages of the poison queue into rows that need attention."""

    def __init__(self, poison: Poison, waiting: WaitingUsers, clock: Clock, log: EventLog) -> None:
        self._poison = poison
        self._waiting = waiting
        self._clock = clock
        self._log = log

    @traced
    async def record(self) -> int:
        """Record the users of every poison message and remove it; return how many users.

        What is no message stays in the queue, for a person; each look says so in the log.
        """
        messages = users = 0
        async for message in self._poison.messages():
            try:
                known = MoveMessage.decode(message.text)
            except InputError as error:
                handle = message.handle.id
                self._log.write(PoisonUnreadable(reason=str(error), message=handle))
                continue
            with operation(known.operation):
                for user in known.users:
                    await self._record(user)
            await self._poison.delete(message)
            messages, users = messages + 1, users + len(known.users)
        if messages:
            self._log.write(PoisonRecorded(messages=messages, users=users))
        return users

    async def _record(self, user: str) -> None:
        row = await self._waiting.get(user)
        if row is None or not row.needs_attention:  # a reason that is known says more
            row = ask_person(user, "", _REASON, self._clock.now())
        await self._waiting.put(row)
        self._log.write(NeedsAttention(user=self._log.who(user), reason=_REASON))
