"""Queues in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.messages import Message, MoveMessage, PageMessage, PoisonMessage
from shared.errors import (
    StorageError,
)


@dataclass
class FakeQueue:
    """Sent messages; `down` makes sending fail."""

    messages: list[Message] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    down: bool = False

    async def send(self, messages: Sequence[Message], delay: float = 0) -> None:
        if self.down:
            raise StorageError("send to queue moves", "HttpResponseError")
        self.messages.extend(messages)
        self.delays.extend([delay] * len(messages))

    @property
    def moves(self) -> list[MoveMessage]:
        """The messages with users."""
        return [each for each in self.messages if isinstance(each, MoveMessage)]

    @property
    def pages(self) -> list[PageMessage]:
        """The messages with a page of a run."""
        return [each for each in self.messages if isinstance(each, PageMessage)]

    @property
    def users(self) -> list[str]:
        """The users of all messages, in order."""
        return [user for each in self.moves for user in each.users]


@dataclass
class FakePoison[Content]:
    """A poison queue; a text stands for a malformed message. The id of each is its place."""

    contents: list[Content | str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    inserted: list[datetime] = field(default_factory=list)
    """When each was put there, if that matters."""

    async def messages(self) -> AsyncIterator[PoisonMessage[Content]]:
        for place, content in enumerate(self.contents):
            at = self.inserted[place] if self.inserted else None
            if isinstance(content, str):
                yield PoisonMessage(f"message-{place}", None, content, inserted_at=at)
            else:
                yield PoisonMessage(f"message-{place}", content, inserted_at=at)

    async def delete(self, message: PoisonMessage[Content]) -> None:
        self.deleted.append(message.id)

    @property
    def left(self) -> list[Content | str]:
        """What was not deleted."""
        return [
            content
            for place, content in enumerate(self.contents)
            if f"message-{place}" not in self.deleted
        ]
