"""The app's own records of a user: saved provider entries, and the last known state."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import ProviderEntry


@dataclass(frozen=True, slots=True)
class ReplacedProvider:
    """A saved record: the user, all entries as the service had them, and the time.

    begun_at: when the last move that replaces these entries began, if one did.
    """

    user_id: str
    provider: str
    entries: tuple[ProviderEntry, ...]
    saved_at: datetime
    upn: str = ""
    begun_at: datetime | None = None


def replaced_by(result: UserResult, records: Iterable[ReplacedProvider]) -> ReplacedProvider | None:
    """Return the record of what a move replaced, from the records of its user; None: nothing.

    The same entries are saved only once, so the record may be older than the move. It is the one that
    was begun, or saved, last before the result was recorded, among those of the replaced provider.
    """

    def last(record: ReplacedProvider) -> datetime:
        begun = record.begun_at
        is_earlier = begun and (result.at is None or begun <= result.at)
        return begun if begun and is_earlier else record.saved_at

    if result.outcome is not Outcome.MOVED or not result.old_provider:
        return None
    fitting = [
        record
        for record in records
        if record.provider == result.old_provider
        and (result.at is None or record.saved_at <= result.at)
    ]
    return max(fitting, key=last, default=None)


@dataclass(frozen=True, slots=True)
class KnownUser:
    """The last outcome with its time, and the last move with the old provider, if any."""

    user_id: str
    outcome: Outcome
    reason: str
    moved_at: datetime | None
    looked_at: datetime | None = None
    old_provider: str | None = None
    moved_run: str | None = None
