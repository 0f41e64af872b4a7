"""Queue triggers: polling, running, deleting, releasing, poisoning.

The rules are those of QueueListener and QueueProcessor in the queues extension
(https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/storage, WebJobs.Extensions.Storage)
and https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger.
"""

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.backoff import Backoff
from local.host.host_json import QueueOptions
from local.host.queue_lease import Lease
from local.host.queue_output import send_creating
from local.host.storage import MESSAGE_GONE, QUEUE_GONE, create, error_code

logger = logging.getLogger(__name__)

POISON_SUFFIX = "-poison"
"""What the name of a poison queue ends with."""


class QueueListener:
    """Reads one queue and hands each message to `run`, which says whether it succeeded.

    `lease_seconds` is how long a message is invisible at a time while it is worked on.
    """

    def __init__(
        self,
        queue: QueueClient,
        poison: QueueClient,
        run: Callable[[bytes, QueueMessage], Awaitable[bool]],
        *,
        options: QueueOptions,
        lease_seconds: int,
    ) -> None:
        self.queue = queue
        self._poison = poison
        self._run = run
        self._options = options
        self._lease_seconds = lease_seconds
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Poll now: a message was sent to this queue by this process."""
        self._news.set()

    def stop(self) -> None:
        """Take no new messages; those being worked on are finished by `listen`."""
        self._stopping.set()
        self._news.set()

    async def listen(self) -> None:
        """Work until `stop`, and until the last running message is finished."""
        try:
            await self._poll_until_stopped()
        finally:
            if self._running:
                await asyncio.wait(self._running)

    def abandon(self) -> None:
        """Cancel what is still worked on; its messages come back when their lease ends."""
        for task in self._running:
            task.cancel()

    async def _poll_until_stopped(self) -> None:
        backoff = Backoff(self._options.max_polling_interval)
        found = False
        while not self._stopping.is_set():
            self._news.clear()
            batch = await self._receive()
            if self._stopping.is_set():
                await self._give_back(batch)
                return
            if batch:
                found = True
                for message in batch:
                    self._start(message)
                await self._wait_for_room()
            else:
                delay = backoff.next_delay(found=found)
                found = False
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), delay)

    async def _receive(self) -> list[QueueMessage]:
        try:
            pages = self.queue.receive_messages(
                messages_per_page=self._options.batch_size,
                visibility_timeout=self._lease_seconds,
            ).by_page()
            async for page in pages:
                return [message async for message in page]
        except AzureError as error:
            if isinstance(error, HttpResponseError) and error_code(error) in QUEUE_GONE:
                logger.warning("queue %s is gone and is created again", self.queue.queue_name)
                with contextlib.suppress(AzureError):
                    await create(self.queue)
            else:
                logger.warning("queue %s cannot be read: %s", self.queue.queue_name, error)
        return []

    def _start(self, message: QueueMessage) -> None:
        task = asyncio.create_task(self._process(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _wait_for_room(self) -> None:
        """Until so few messages are worked on that a new batch may be fetched."""
        while len(self._running) > self._options.new_batch_threshold:
            stop = asyncio.ensure_future(self._stopping.wait())
            try:
                await asyncio.wait({*self._running, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
            if self._stopping.is_set():
                return

    async def _give_back(self, batch: list[QueueMessage]) -> None:
        """Make messages visible again that arrived after `stop`."""
        for message in batch:
            with contextlib.suppress(AzureError):
                await self._release(message.id, message.pop_receipt, 0.0)

    async def _process(self, message: QueueMessage) -> None:
        taken = message.dequeue_count or 1
        try:
            if taken > self._options.max_dequeue_count:
                # Earlier runs did not even end, so this one is not started (BeginProcessing).
                await self._move_to_poison(message, message.pop_receipt, "was taken too often")
                return
            try:
                body = base64.b64decode("".join((message.content or "").split()), validate=True)
            except (binascii.Error, ValueError):
                await self._move_to_poison(message, message.pop_receipt, "is not base64")
                return
            async with Lease(self.queue, message, self._lease_seconds) as lease:
                ok = await self._run(body, message)
            if ok:
                await self._delete(message.id, lease.pop_receipt)
            elif taken >= self._options.max_dequeue_count:
                await self._move_to_poison(message, lease.pop_receipt, "failed too often")
            else:
                await self._release(message.id, lease.pop_receipt, self._options.visibility_timeout)
        except AzureError:
            # It becomes visible again when its lease ends.
            logger.exception("message %s of %s", message.id, self.queue.queue_name)

    async def _move_to_poison(self, message: QueueMessage, receipt: str | None, why: str) -> None:
        logger.warning(
            "message %s of %s %s (%s times): it goes to %s",
            message.id,
            self.queue.queue_name,
            why,
            message.dequeue_count,
            self._poison.queue_name,
        )
        await send_creating(self._poison, message.content or "")
        await self._delete(message.id, receipt)

    async def _delete(self, message_id: str, receipt: str | None) -> None:
        with _message_gone(message_id):
            await self.queue.delete_message(message_id, pop_receipt=receipt)

    async def _release(self, message_id: str, receipt: str | None, seconds: float) -> None:
        with _message_gone(message_id):
            await self.queue.update_message(
                message_id, pop_receipt=receipt, visibility_timeout=round(seconds)
            )


@contextlib.contextmanager
def _message_gone(message_id: str) -> Iterator[None]:
    """Somebody else has the message, or it or its queue is gone: nothing is left to do."""
    try:
        yield
    except HttpResponseError as error:
        if error_code(error) not in (*MESSAGE_GONE, *QUEUE_GONE):
            raise
        logger.warning("message %s was taken over by another host", message_id)
