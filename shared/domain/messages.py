"""Queue messages: "move these users", "carry out this page", "do this part of the upkeep".

They may arrive twice, late or never.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import batched
from typing import Final

from shared.domain.run import Mode, Signal

USERS_PER_MESSAGE: Final = 20
"""Users that one Graph batch reads."""


@dataclass(frozen=True, slots=True)
class MoveMessage:
    """At most 20 user ids, what caused the attempt, and the run it belongs to, if any.

    mode: that of the app or run that queued it; None: not known. Only `move` changes anybody.
    operation: the id of the signal that it comes from (for the log); None: not known. retries: how
    often users of it came again because they could not be recorded, or because it was poison.
    arrived: when it was put on the queue, by the queue's clock; it is not in the text. None: not known.
    """

    cause: Signal
    users: tuple[str, ...]
    run: str | None = None
    operation: str | None = None
    mode: Mode | None = None
    retries: int = 0
    arrived: datetime | None = None


@dataclass(frozen=True, slots=True)
class PageMessage:
    """One page of a requested run; page 0 means finding the run's users.

    again: some of its users may have a result already.
    """

    run: str
    page: int
    again: bool = False
    operation: str | None = None


class Upkeep(StrEnum):
    """A part of the app's upkeep, as messages and log lines name it."""

    RENEW = "renew"
    """Renew the change subscription now: Graph asked for it."""
    RECHECK = "recheck"
    RELEASES = "releases"
    SWEEP = "sweep"
    RUNS = "runs"
    """Tell runs what became of their users."""
    CATCH_UP = "catch_up"
    POISON = "poison"
    MEASURE = "measure"


@dataclass(frozen=True, slots=True)
class UpkeepMessage:
    """Do a part of the upkeep now, however long it takes."""

    part: Upkeep


Message = MoveMessage | PageMessage | UpkeepMessage


@dataclass(frozen=True, slots=True)
class PoisonMessage[Content]:
    """A message that failed repeatedly.

    content: the message, or None when it cannot be read; then `fault` says why. id: its id in the
    queue. receipt: what the storage asks for when it is deleted. inserted_at: when it was put there.
    """

    id: str
    content: Content | None
    fault: str = ""
    receipt: str = ""
    inserted_at: datetime | None = None


def move_messages(
    signal: Signal,
    users: Iterable[str],
    *,
    mode: Mode | None,
    run: str | None = None,
    operation: str | None = None,
    together: int = USERS_PER_MESSAGE,
) -> Iterator[MoveMessage]:
    """Split `users` into messages of so many `together`, each user once, in the given order."""
    for group in batched(dict.fromkeys(users), together, strict=False):
        yield MoveMessage(signal, group, run, operation, mode)
