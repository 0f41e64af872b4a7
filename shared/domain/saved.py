"""The app's own records of a user: saved provider entries, and the last known state."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.outcome import Outcome
from shared.domain.user import ProviderEntry


@dataclass(frozen=True, slots=True)
class ReplacedProvider:
    """A saved record: the user, all entries as the service had them, and the time."""

    user_id: str
    provider: str
    entries: tuple[ProviderEntry, ...]
    saved_at: datetime
    upn: str = ""


@dataclass(frozen=True, slots=True)
class KnownUser:
    """The last outcome with its time, and the last move with the old provider, if any.

    began_at: when the attempt with this outcome began.
    """

    user_id: str
    outcome: Outcome
    reason: str
    moved_at: datetime | None
    looked_at: datetime | None = None
    old_provider: str | None = None
    moved_run: str | None = None
    began_at: datetime | None = None
