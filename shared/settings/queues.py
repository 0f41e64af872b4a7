"""The app's queues by name, and the poison queue that belongs to each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

_POISON = "-poison"


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue. poison: where the Functions host puts a message that failed too often."""

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
        """Every queue's name, each followed by that of its poison queue."""
        return tuple(name for queue in self for name in (queue.name, queue.poison))
