"""The guard: how many users may lose a conference ID within a window, and which slot each one takes.

A window is a hash table of as many slots as users may be changed. A user takes the first free slot in an
order of the user's own, so that a user who comes again, anywhere, meets the slot taken before. Whoever
writes a slot first has it: no number of instances can take more slots than there are. A slot is free
again when the window has passed since it was taken: the limit holds for any stretch of that length.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.bridge_changes import describe
from shared.domain.decision import Action
from shared.domain.number_rules import NumberRules
from shared.domain.run import Signal
from shared.text import counted

REPLACED = "replaced"
"""Ledger of the users whose conference ID is replaced."""

ENABLED = "enabled"
"""Ledger of the users who are enabled and had no provider."""


@dataclass(frozen=True, slots=True)
class GuardLimit:
    """The limit: `moves` users per window, or `share` of the licensed, if that is less (None: no share).

    enables: the same for users who had no provider, who lose nothing; None: no limit. numbers: the
    number rules, to name those that change the bridge of users on Microsoft.
    """

    moves: int
    share: float | None
    window: timedelta
    enables: int | None = None
    numbers: NumberRules = field(default_factory=NumberRules)

    def most(self, licensed: int | None) -> int | None:
        """Return how many users may be changed; None: not known before somebody counted the licensed."""
        if self.share is None:
            return self.moves
        return None if licensed is None else min(self.moves, int(self.share * licensed))

    def named(self, licensed: int | None) -> str:
        """Return the limit in words, with the setting that it comes from."""
        minutes = self.window.total_seconds() / 60
        most = self.most(licensed)
        if most == self.moves:
            setting = f"ACP_GUARD_MAX_MOVES is {self.moves}"
        else:
            setting = f"ACP_GUARD_MAX_SHARE is {self.share:g} of {licensed} licensed users"
        return f"{setting} per {minutes:g} minutes"

    def holds_sweep(self, counts: Mapping[str, int]) -> str | None:
        """Return why a sweep that found these counts is held, or None.

        Users whom Teams does not list, or who have no provider to replace, do not count: they need only
        another look, and the guard is asked again before a set.
        """
        licensed = counts.get("licensed", 0)
        would = sum(counts.get(str(action), 0) for action in Action if action.replaces_ids)
        most = self.most(licensed)
        if most is not None and would > most:
            bridges = describe(counts, self.numbers)
            among = f"; {bridges}" if bridges else ""
            whose = counted(would, "user")
            return f"it would replace the conference IDs of {whose}; {self.named(licensed)}{among}"
        return None


@dataclass(frozen=True, slots=True)
class Slot:
    """A taken slot. etag: of its row, "" if not known."""

    user_id: str
    at: datetime
    etag: str = ""


class Slots:
    """What is known of a ledger: who took which slot, and when."""

    def __init__(self) -> None:
        self._taken: dict[int, Slot] = {}
        self._of: dict[str, tuple[int, Slot]] = {}

    def add(self, number: int, slot: Slot) -> None:
        """Note that a slot is taken."""
        if (before := self._taken.get(number)) is not None:
            self.drop(number, before)
        self._taken[number] = slot
        if (known := self._of.get(slot.user_id)) is None or known[1].at <= slot.at:
            self._of[slot.user_id] = number, slot

    def drop(self, number: int, slot: Slot) -> None:
        """Forget a slot that was not taken after all."""
        if self._taken.get(number) is slot:
            del self._taken[number]
        if self._of.get(slot.user_id) == (number, slot):
            del self._of[slot.user_id]

    def own(self, user_id: str, since: datetime) -> tuple[int, Slot] | None:
        """Return the slot that the user has taken since then, or None."""
        found = self._of.get(user_id)
        return found if found and found[1].at > since else None

    def free_for(self, user_id: str, most: int, since: datetime) -> tuple[int, Slot | None] | None:
        """Return the slot for a user, and who had it before that; None: all are taken.

        Slots beyond `most`, taken when the limit was higher, count as well.
        """
        if (
            len(self._taken) >= most
            and sum(slot.at > since for slot in self._taken.values()) >= most
        ):
            return None
        for number in _places(user_id, most):
            slot = self._taken.get(number)
            if slot is None or slot.at <= since:
                return number, slot
        return None


def _places(user_id: str, most: int) -> Iterator[int]:
    """Yield every slot, in an order of the user's own that is the same everywhere (double hashing)."""
    if not most:
        return
    digest = hashlib.sha256(user_id.encode()).digest()
    first, step = int.from_bytes(digest[:8]), int.from_bytes(digest[8:16])
    while math.gcd(step, most) != 1:
        step += 1
    for count in range(most):
        yield (first + count * step) % most


def held_run_id(signal: Signal, now: datetime, window: timedelta) -> str:
    """Return the id of the run that lists who is held in a window, for signals without a run."""
    seconds = int(window.total_seconds())
    began = now - timedelta(seconds=now.timestamp() % seconds)
    return f"{began:%Y%m%dT%H%M%SZ}-{str(signal).replace('_', '-')}-held"
