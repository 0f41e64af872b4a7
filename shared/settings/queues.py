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
    """moves: users to move. requests: pages of requested runs. upkeep: parts of the upkeep.

    events: where Event Grid puts its events; None: they do not arrive by queue.
    """

    moves: Queue
    requests: Queue
    upkeep: Queue
    events: Queue | None = None

    @classmethod
    def named(cls, name: str, *, events: bool = False) -> Self:
        """Return the queues of an app whose first queue is called `name` (ACP_QUEUE)."""
        return cls(
            Queue(name),
            Queue(f"{name}-requests"),
            Queue(f"{name}-upkeep"),
            Queue(f"{name}-events") if events else None,
        )

    def __iter__(self) -> Iterator[Queue]:
        """Yield every queue."""
        every = (self.moves, self.requests, self.upkeep, self.events)
        return (queue for queue in every if queue is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every queue, each followed by that of its poison queue."""
        return tuple(name for queue in self for name in (queue.name, queue.poison))
