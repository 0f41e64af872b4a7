"""Read a poison queue: messages that failed repeatedly, and malformed messages.

A timer reads it, not a queue trigger, because a malformed message has to stay there for an
administrator to examine. The SDK is imported at the first use, as in `shared.storage.queue`.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, Final

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.domain.messages import PoisonMessage
from shared.errors import InputError, StorageError
from shared.storage.queue import MessageQueue

_HIDDEN_SECONDS: Final = 30
"""Time for which a message is hidden while it is read, so that two instances do not both record it."""


class PoisonQueue[Content]:
    """A poison queue. decode: reads a text; InputError: it is malformed."""

    def __init__(self, queue: MessageQueue, decode: Callable[[str], Content]) -> None:
        self._queue = queue
        self._decode = decode

    async def messages(self) -> AsyncIterator[PoisonMessage[Content]]:
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
                yield replace(
                    self._read(raw.id, _text(raw.content)),
                    receipt=raw.pop_receipt or "",
                    inserted_at=raw.inserted_on,
                )
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise StorageError("read the poison queue", type(error).__name__) from error

    async def delete(self, message: PoisonMessage[Content]) -> None:
        """Remove a message that was recorded."""
        client = await self._queue.client()
        try:
            await client.delete_message(message.id, message.receipt)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise StorageError("delete from the poison queue", type(error).__name__) from error

    def _read(self, message_id: str, text: str) -> PoisonMessage[Content]:
        try:
            return PoisonMessage(message_id, self._decode(text))
        except InputError as error:
            return PoisonMessage(message_id, None, str(error))


def _text(content: Any) -> str:
    """Return the text of a message, decoded when it was base64."""
    text = str(content)
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
