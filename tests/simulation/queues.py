"""The storage account's queues, below `shared.storage.queue`, and how messages come twice or late."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.storage.queue import MessageQueue
from tests.simulation.fate import Gate, Process
from tests.simulation.loop import MIDNIGHT


@dataclass
class Letter:
    """A message. mode: of the process that sent it. receipt: changes at each delivery."""

    id: int
    text: str
    visible_at: float
    sent_at: float
    mode: str = "move"
    deliveries: int = 0
    receipt: int = 0

    @property
    def arrived(self) -> datetime:
        """When it was sent, in whole seconds, as the queue tells it."""
        return MIDNIGHT + timedelta(seconds=int(self.sent_at))


@dataclass
class Bin:
    """One queue. on_visible: called with the time at which a message can be had."""

    name: str
    letters: dict[int, Letter] = field(default_factory=dict)
    on_visible: Callable[[float], None] = lambda _: None
    on_delete: Callable[[Letter], None] = lambda _: None
    on_put: Callable[[Letter], None] = lambda _: None
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def put(self, text: str, delay: float = 0.0, mode: str = "move") -> Letter:
        """Add a message, to be had after `delay` seconds."""
        now = _now()
        letter = Letter(next(self._ids), text, now + delay, now, mode)
        self.letters[letter.id] = letter
        self.on_put(letter)
        self.on_visible(letter.visible_at)
        return letter

    def visible(self) -> list[Letter]:
        """Return what can be had now."""
        now = _now()
        return [letter for letter in self.letters.values() if letter.visible_at <= now]

    def hide(self, letter: Letter, seconds: float) -> None:
        """Let nobody have a message for a while."""
        letter.visible_at = _now() + seconds
        letter.receipt += 1
        self.on_visible(letter.visible_at)


class QueueClient:
    """What `shared.storage.queue.MessageQueue` and `PoisonQueue` stand on."""

    def __init__(self, content: Bin, gate: Gate, process: Process) -> None:
        self._bin = content
        self._gate = gate
        self._process = process

    async def create_queue(self) -> None:
        """It is there."""

    async def send_message(
        self, text: str, *, time_to_live: int, visibility_timeout: int | None
    ) -> None:
        if time_to_live != -1:
            raise NotImplementedError("messages of the app do not expire")
        await self._call(
            "send", lambda: self._bin.put(text, visibility_timeout or 0, self._process.mode)
        )

    async def receive_messages(
        self, *, messages_per_page: int, visibility_timeout: int
    ) -> AsyncIterator[SimpleNamespace]:
        def take() -> list[Letter]:
            some = self._bin.visible()[:messages_per_page]
            for letter in some:
                self._bin.hide(letter, visibility_timeout)
            return some

        while page := await self._call("receive", take):
            for letter in page:
                yield SimpleNamespace(
                    id=str(letter.id),
                    content=letter.text,
                    pop_receipt=str(letter.receipt),
                    inserted_on=letter.arrived,
                )

    async def delete_message(self, message_id: str, receipt: str) -> None:
        def remove() -> None:
            letter = self._bin.letters.get(int(message_id))
            if letter is None or str(letter.receipt) != receipt:
                raise ResourceNotFoundError("no such message")
            self._bin.on_delete(self._bin.letters.pop(letter.id))

        await self._call("delete", remove)

    async def get_queue_properties(self) -> SimpleNamespace:
        return SimpleNamespace(approximate_message_count=len(self._bin.letters))

    async def close(self) -> None:
        """Nothing is open."""

    async def _call[T](self, what: str, effect: Callable[[], T]) -> T:
        site = f"queue.{self._bin.name}.{what}"
        return await self._gate.call(
            self._process, site, effect, lambda: HttpResponseError("queue")
        )


class SimulatedQueue(MessageQueue):
    """The app's own queue class over a simulated client."""

    def __init__(self, content: Bin, gate: Gate, process: Process) -> None:
        super().__init__(content.name, connection=None)
        self._client = cast("Any", QueueClient(content, gate, process))


def _now() -> float:
    return asyncio.get_running_loop().time()
