"""Events that Event Grid put into a queue: gathered, checked and moved where they are received.

The host starts a function for each event, up to 40 at once (host.json). Those that arrive while two groups
are being moved form the next group: its users are read in one batch and share log lines, and several
events of one user are one attempt. An event that arrives alone waits for nobody. Each function ends when
its own event is done, so that an event whose group failed comes again.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from shared.domain.cloud_event import read_cloud_event
from shared.domain.messages import USERS_PER_MESSAGE, MoveMessage
from shared.services.notifications.intake import NotificationIntake

_GROUPS: Final = 2
"""Groups in work at once: one is read while the other waits for the services."""


class MessageHandler(Protocol):
    """Moves the users of a message (`BatchMover`)."""

    async def handle(self, message: MoveMessage) -> object:
        """Move and record them."""
        ...


@dataclass(slots=True, eq=False)
class _Event:
    """An event. done: whether the subscription is to be renewed, or what its group failed with.

    arrived: when it was put on the queue, by the queue's clock; None: not known.
    """

    notification: Any
    arrived: datetime | None
    done: asyncio.Future[bool]
    taken: bool = False


class QueuedEvents:
    """Takes one event per call; calls at the same time share the work."""

    def __init__(self, intake: NotificationIntake, mover: MessageHandler) -> None:
        self._intake = intake
        self._mover = mover
        self._waiting: deque[_Event] = deque()
        self._slots = asyncio.Semaphore(_GROUPS)

    async def take(self, body: bytes, arrived: datetime | None = None) -> bool:
        """Check one event and move its user; return whether the subscription is to be renewed.

        arrived: when it was put on the queue: whoever was attempted since is left out.

        InputError: it is no CloudEvent. Any other error is that of its group: the event has to come
        again. An event that is not ours is dropped and counted.
        """
        notification = read_cloud_event(body).notification
        event = _Event(notification, arrived, asyncio.get_running_loop().create_future())
        self._waiting.append(event)
        async with self._slots:
            while not event.taken:
                await self._work()
        return await event.done

    async def _work(self) -> None:
        """Work on those that have waited longest."""
        size = min(len(self._waiting), USERS_PER_MESSAGE)
        group = [self._waiting.popleft() for _ in range(size)]
        for event in group:
            event.taken = True
        try:
            accepted = await self._intake.accept([event.notification for event in group])
            times = [event.arrived for event in group if event.arrived]
            last = max(times) if len(times) == size else None
            for message in accepted.messages:
                await self._mover.handle(replace(message, arrived=last))
        except asyncio.CancelledError:
            for event in group:
                event.done.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - every call of the group raises it
            for event in group:
                if not event.done.done():
                    event.done.set_exception(error)
            return
        for number, event in enumerate(group):
            if not event.done.done():
                event.done.set_result(accepted.renew and number == 0)
