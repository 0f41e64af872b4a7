"""Names of the app's queues and of their poison queues."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

_POISON = "-poison"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. poison: the queue for messages that failed too often in the Functions host."""

    name: str

    @property
    def poison(self) -> str:
        """The name of the poison queue, as the Functions host derives it."""
        return f"{self.name}{_POISON}"


@dataclass(frozen=True, slots=True)
class Queues:
    """moves: users to move. requests: pages of requested runs. upkeep: renewals that Graph asks for."""

    moves: Queue
    requests: Queue
    upkeep: Queue

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the queues of an app whose first queue is called `name` (ACP_QUEUE)."""
        return cls(Queue(name), Queue(f"{name}-requests"), Queue(f"{name}-upkeep"))

    def __iter__(self) -> Iterator[Queue]:
        """Yield every queue."""
        return iter((self.moves, self.requests, self.upkeep))

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every queue, each followed by that of its poison queue."""
        return tuple(name for queue in self for name in (queue.name, queue.poison))
