"""Ports to the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from shared.domain.messages import Message, PoisonMessage


class Queue(Protocol):
    """A queue."""

    async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
        """Send every message; returns when all are queued. delay: seconds until they are visible."""
        ...


class Poison[Content](Protocol):
    """A poison queue."""

    def messages(self) -> AsyncIterator[PoisonMessage[Content]]:
        """Yield each visible message once."""
        ...

    async def delete(self, message: PoisonMessage[Content]) -> None:
        """Remove a message that was recorded."""
        ...
