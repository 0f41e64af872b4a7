"""The pause: nobody is changed until a person ends it; and who asked for that."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

PAUSE_FRESH: Final = 1.0
"""Seconds for which a process trusts what it read of the pause; as long as `acp pause` waits, too."""


@dataclass(frozen=True, slots=True)
class RequestedBy:
    """Who asked for something, and why.

    name: of a person, a key or an operating system's user; id: of a sign-in. ticket, note: "" if not told.
    """

    name: str
    id: str = ""
    ticket: str = ""
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.id else self.name

    @property
    def why(self) -> str:
        """Ticket and note in one text, "" for none."""
        return ": ".join(text for text in (self.ticket, self.note) if text)

    @property
    def said(self) -> str:
        """Who decided, and why if that was told, as a run shows it."""
        return f"{self}; {self.why}" if self.why else str(self)


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause: why, who asked for it, and since when (UTC)."""

    note: str
    by: RequestedBy
    since: datetime

    def __str__(self) -> str:
        return f"paused by {self.by} since {self.since:%Y-%m-%d %H:%M} UTC: {self.note}"

    @property
    def reason(self) -> str:
        """Why a user waits; without the name of who asked, for it is logged."""
        return f"changes are paused since {self.since:%Y-%m-%d %H:%M} UTC: {self.note}"
