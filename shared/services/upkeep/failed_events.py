"""Events of Event Grid that failed repeatedly: checked once more, their users queued to be moved alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.domain.cloud_event import CloudEvent
from shared.services.notifications.intake import NotificationIntake
from shared.services.ports import Poison, Queue
from shared.services.upkeep.poison import readable
from shared.telemetry.events import PoisonRecorded, RenewalFailed
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_RENEWAL: Final = (
    "Graph asked to renew the change subscription, and that failed repeatedly; the log of "
    "queued_license_events says why, and keep_subscription tries at its own schedule"
)


class FailedEvents:
    """Gives the users of poison events another attempt from the queue of users.

    There each has the attempts of any other message before the user needs attention. poison: none unless
    events arrive by queue.
    """

    def __init__(
        self,
        poison: Sequence[Poison[CloudEvent]],
        intake: NotificationIntake,
        queue: Queue,
        log: EventLog,
    ) -> None:
        self._poison = poison
        self._intake = intake
        self._queue = queue
        self._log = log

    @traced
    async def record(self) -> int:
        """Queue the users of every poison event and remove it; return how many users.

        Anything but a CloudEvent stays in the queue for an administrator to examine; each read logs it.
        StorageError: the storage did not answer; what was not queued stays.
        """
        messages = users = 0
        for poison in self._poison:
            async for message, event in readable(poison, self._log):
                accepted = await self._intake.accept([event.notification])
                await self._queue.send([replace(each, retries=1) for each in accepted.messages])
                if accepted.renew:
                    self._log.write(RenewalFailed(reason=_RENEWAL))
                await poison.delete(message)
                messages, users = messages + 1, users + accepted.users
        if messages:
            self._log.write(PoisonRecorded(messages=messages, users=users))
        return users
