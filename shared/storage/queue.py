"""Send messages to a queue from inside a function, and return only when they are queued.

An output binding sends after the function has ended, so a function that must record something *after*
its messages are queued (a sweep's progress, a delta link) cannot use one. Importing the SDK takes about
half a second: this happens at the first send, in a timer, never while a caller waits.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError

from shared.concurrency import gather_bounded
from shared.domain.messages import Message
from shared.errors import StorageError
from shared.storage.codec import encode

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient

_IN_FLIGHT: Final = 16
_TIMEOUT: Final = 30.0
"""Seconds for connecting, and for each read of an answer."""

_LIFETIME: Final = -1
"""Messages do not expire: a message that is not handled ends in the poison queue, it is never lost."""


class MessageQueue:
    """A queue, in the encoding (base64) that the queue trigger expects."""

    def __init__(
        self,
        name: str,
        *,
        connection: str | None,
        endpoint: str | None = None,
        credential: AsyncTokenCredential | None = None,
    ) -> None:
        self.name = name
        self._connection = connection
        self._endpoint = endpoint
        self._credential = credential
        self._client: QueueClient | None = None
        self._created = False
        self._creating = asyncio.Lock()

    async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
        """Send every message; returns when all are queued. StorageError: not all were sent.

        delay: seconds until they are visible.
        """
        client = await self.client()
        await gather_bounded(
            (self._send_one(client, encode(each), delay) for each in messages), _IN_FLIGHT
        )

    async def count(self) -> int:
        """Return the approximate number of messages; StorageError: the storage did not answer."""
        client = await self.client()
        try:
            return (await client.get_queue_properties()).approximate_message_count or 0
        except AzureError as error:
            raise StorageError(f"count queue {self.name}", type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _send_one(self, client: "QueueClient", text: str, delay: float) -> None:
        try:
            await client.send_message(
                text, time_to_live=_LIFETIME, visibility_timeout=round(delay) or None
            )
        except AzureError as error:
            raise StorageError(f"send to queue {self.name}", type(error).__name__) from error

    async def client(self) -> "QueueClient":
        """Return the SDK's client; creates the queue if it is missing."""
        if self._client is None:
            self._client = self._connect()
        async with self._creating:
            if self._created:
                return self._client
            try:
                await self._client.create_queue()
            except ResourceExistsError:
                pass
            except AzureError as error:
                raise StorageError(f"open queue {self.name}", type(error).__name__) from error
            self._created = True
        return self._client

    def _connect(self) -> "QueueClient":
        from shared.storage.lean_queue import LeanQueueClient  # noqa: PLC0415 - see the module's text
        from shared.storage.transport import BoundedTransport  # noqa: PLC0415

        options: dict[str, Any] = {
            "transport": BoundedTransport(_TIMEOUT),
            "retry_total": 3,
            "initial_backoff": 0.3,
            "increment_base": 1.5,
            "random_jitter_range": 0.3,
        }
        if self._connection:
            return LeanQueueClient.from_connection_string(self._connection, self.name, **options)
        return LeanQueueClient(
            self._endpoint or "", self.name, credential=self._credential, **options
        )
