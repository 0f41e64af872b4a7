"""What the app itself remembers of one user: the saved provider entries, and the last known state."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.outcome import Outcome
from shared.domain.user import ProviderEntry


@dataclass(frozen=True, slots=True)
class ReplacedProvider:
    """A saved record: whose entries, all of them as the service had them, and since when."""

    user_id: str
    provider: str
    entries: tuple[ProviderEntry, ...]
    saved_at: datetime
    upn: str = ""


@dataclass(frozen=True, slots=True)
class KnownUser:
    """The last outcome and when, and the last move and from which provider, if any."""

    user_id: str
    outcome: Outcome
    reason: str
    moved_at: datetime | None
    looked_at: datetime | None = None
    old_provider: str | None = None
    moved_run: str | None = None
