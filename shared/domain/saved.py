"""The app's own records of a user: saved provider entries, and the last known state."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.outcome import Outcome
from shared.domain.user import ConferencingUser, ProviderEntry


@dataclass(frozen=True, slots=True)
class ReplacedProvider:
    """A saved record: the user, all entries as the service had them, and the time.

    conferencing: what a user on Microsoft had, saved before numbers or bridge change; None: the record
    is of provider entries.
    """

    user_id: str
    provider: str
    entries: tuple[ProviderEntry, ...]
    saved_at: datetime
    upn: str = ""
    conferencing: ConferencingUser | None = None


@dataclass(frozen=True, slots=True)
class KnownUser:
    """The last outcome with its time, and the last move with the old provider, if any.

    moved_run, bridge_run: the run that moved the user, or changed the user's bridge, last. began_at: when
    the attempt with this outcome began.
    """

    user_id: str
    outcome: Outcome
    reason: str
    moved_at: datetime | None
    looked_at: datetime | None = None
    old_provider: str | None = None
    moved_run: str | None = None
    bridge_run: str | None = None
    bridge_changed_at: datetime | None = None
    began_at: datetime | None = None

    @property
    def changed_at(self) -> datetime | None:
        """When the system last moved the user or changed the user's bridge, or None."""
        return max((at for at in (self.moved_at, self.bridge_changed_at) if at), default=None)
