"""The app's own records of a user: saved provider entries, and the last known state."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Final

from shared.domain.claim import BegunChange
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import ConferencingUser, ProviderEntry
from shared.sorted_rows import SortedRows
from shared.text import packed

_KEY: Final = 32
"""Bytes of a record's keys: an id and a digest of 16 bytes."""


_OVER: Final = timedelta(minutes=5)
"""After so long a change has taken effect or never will, and shows: more than a claim is held and clocks
differ."""


class SavedKeys:
    """The records that are saved, so that none is offered again, in the order of keys.

    file: where 32 bytes of each are kept; None: in memory.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._keys = SortedRows(_KEY, _KEY, file)

    def add(self, user_id: str, digest: str) -> None:
        """Add the next record; one with other keys is left out, and offered again."""
        with suppress(ValueError):
            self._keys.add(_key(user_id, digest))

    def has(self, user_id: str, digest: str) -> bool:
        """Whether the record is among them."""
        return self._keys.find(_key(user_id, digest)) is not None


def _key(user_id: str, digest: str) -> bytes:
    return packed(user_id) + bytes.fromhex(digest)


@dataclass(frozen=True, slots=True)
class ReplacedProvider:
    """A saved record: the user, all entries as the service had them, and the time.

    conferencing: what a user on Microsoft had, saved before numbers or bridge change; None: the record
    is of provider entries. begun_at: when the last change that replaces what is saved began, if one did.
    """

    user_id: str
    provider: str
    entries: tuple[ProviderEntry, ...]
    saved_at: datetime
    upn: str = ""
    conferencing: ConferencingUser | None = None
    begun_at: datetime | None = None


def replaced_by(result: UserResult, records: Iterable[ReplacedProvider]) -> ReplacedProvider | None:
    """Return the record of what a change replaced, from the records of its user; None: nothing.

    The same entries are saved only once, so the record may be older than the change. It is the one that
    was begun, or saved, last before the result was recorded, among those of the replaced provider.
    """

    def last(record: ReplacedProvider) -> datetime:
        begun = record.begun_at
        return begun if begun and (result.at is None or begun <= result.at) else record.saved_at

    def is_replaced(record: ReplacedProvider) -> bool:
        if result.outcome is Outcome.BRIDGE_CHANGED:
            return record.conferencing is not None
        return record.conferencing is None and record.provider == result.old_provider

    if result.outcome is not Outcome.BRIDGE_CHANGED and not (
        result.outcome is Outcome.MOVED and result.old_provider
    ):
        return None
    fitting = [
        record
        for record in records
        if is_replaced(record) and (result.at is None or record.saved_at <= result.at)
    ]
    return max(fitting, key=last, default=None)


@dataclass(frozen=True, slots=True)
class KnownUser:
    """The last outcome with its time, and the last move with the old provider, if any.

    moved_run, bridge_run: the run that moved the user, or changed the user's bridge, last. began_at: when
    the attempt with this outcome began. elsewhere_at: when the last one began that found the user without
    Microsoft, and changed nothing.
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
    number_changed_at: datetime | None = None
    elsewhere_at: datetime | None = None

    def rules_out(self, begun: BegunChange) -> bool:
        """Return whether a change has no effect any more: the user was found without Microsoft since."""
        at = self.elsewhere_at
        return at is not None and at >= begun.at + _OVER

    def has_recorded(self, begun: BegunChange) -> bool:
        """Return whether a change was recorded, or another one behind it."""
        times = [self.moved_at, self.bridge_changed_at]
        times += [self.number_changed_at] if begun.number else []
        return any(at and at >= begun.at for at in times)
