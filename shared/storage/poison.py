"""Reads the poison queue: messages that failed again and again, and texts that are no message.

It is read by a timer and not by a queue trigger, because what cannot be read has to stay there for
a person to look at. The SDK is imported at the first look, as in `shared.storage.queue`.
"""

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.errors import StorageError
from shared.storage.queue import MoveQueue

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage

_HIDDEN_SECONDS: Final = 30
"""A message that is being looked at is hidden this long, so that two instances do not both record it."""


@dataclass(frozen=True, slots=True)
class PoisonMessage:
    """A message's text (decoded when it was base64) and the handle to delete it by."""

    text: str
    handle: "QueueMessage"


class PoisonQueue:
    """The poison queue that belongs to a queue."""

    def __init__(self, queue: MoveQueue) -> None:
        self._queue = queue

    async def messages(self) -> AsyncIterator[PoisonMessage]:
        """Yield each visible message once. StorageError: the storage did not answer."""
        client = await self._queue.client()
        seen: set[str] = set()
        try:
            async for raw in client.receive_messages(
                messages_per_page=32, visibility_timeout=_HIDDEN_SECONDS
            ):
                if raw.id in seen:
                    return
                seen.add(raw.id)
                yield PoisonMessage(_decode(raw.content), raw)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise StorageError("read the poison queue", type(error).__name__) from error

    async def delete(self, message: PoisonMessage) -> None:
        """Remove a message that was recorded."""
        client = await self._queue.client()
        try:
            await client.delete_message(message.handle)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise StorageError("delete from the poison queue", type(error).__name__) from error


def _decode(content: Any) -> str:
    text = str(content)
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
