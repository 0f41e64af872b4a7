"""Keeping a message invisible for as long as a function works on it."""

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Self

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

logger = logging.getLogger(__name__)


class Lease:
    """Renews a message's invisibility halfway to its end, as QueueListener does in Azure.

    `seconds` is the length of the lease. `pop_receipt` is the receipt that deletes or releases
    the message: it changes with every renewal, so read it after the `async with` block.
    """

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
        self.pop_receipt = message.pop_receipt
        self._queue = queue
        self._id = message.id
        self._seconds = seconds
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A renewal on its way is waited for, not cancelled: the service may have changed the
        # receipt already, and the message could then not be deleted.
        self._over.set()
        if self._task is not None:
            await self._task

    async def _renew(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self._seconds / 2)
            if self._over.is_set():
                return
            try:
                updated = await self._queue.update_message(
                    self._id, pop_receipt=self.pop_receipt, visibility_timeout=self._seconds
                )
            except AzureError as error:
                # The message may be worked on twice now, as in Azure.
                logger.warning("the lease of message %s was not renewed: %s", self._id, error)
                continue
            self.pop_receipt = updated.pop_receipt
