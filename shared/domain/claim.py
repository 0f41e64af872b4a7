"""The claim on a change: one attempt changes a user at a time, and one tells of the change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.history import DialIn

HELD_FOR: Final = timedelta(seconds=120)
"""How long a claim keeps others away; an attempt that was killed holds it no longer.

Longer than the set may take, from its claim to the service's answer (2 s for its turn and a call's
time-out, 30 s unless it is set), with room for clocks that differ.
"""

LONGEST_CALL: Final = 90
"""Seconds that the time-out of a call may be set to, so that no set outlives its claim."""

SETTLED_FOR: Final = timedelta(seconds=10)
"""The same from when the change was seen: by then nobody can act on what was read before it (2 s)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who changes a user since when. by: an id of the attempt. run: the run that it belongs to."""

    by: str
    at: datetime
    run: str | None = None

    def keeps_out(self, other: "Claim") -> bool:
        """Return whether another attempt has to wait; a claim of the future is of a clock that jumped."""
        return self.by != other.by and abs(other.at - self.at) < HELD_FOR

    def is_same(self, other: "Claim") -> bool:
        """Return whether both are of one attempt or of one run: then either may tell of the change."""
        return self.by == other.by or (self.run is not None and self.run == other.run)


@dataclass(frozen=True, slots=True)
class BegunChange:
    """A change that was begun: the provider that it replaces ("": none), when, and whose it is.

    number: what a user had who gets only a number, on the same bridge; None: a move, or another bridge.
    """

    provider: str
    at: datetime
    claim: Claim | None = None
    number: DialIn | None = None
