"""The history of a user: one record per change, and per decision that changed something."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from shared.domain.user import MICROSOFT, ConferencingUser, ProviderEntry, deciding_entry

if TYPE_CHECKING:
    from shared.domain.saved import KnownUser, ReplacedProvider

_SHOWN: Final = 2
"""Last digits of a conference ID that stay readable, so that its owner knows it again."""

_SHORTEST: Final = 6
"""Digits of the shortest conference ID of which any are shown."""


class HistoryEvent(StrEnum):
    """What happened to a user, or was decided about one."""

    MOVED = "moved"
    BRIDGE_CHANGED = "bridge_changed"
    NUMBER_CHANGED = "number_changed"
    """On Microsoft before and on the same bridge; only a default number was set."""
    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"
    REPROCESSED = "license_reprocessed"
    ACKNOWLEDGED = "acknowledged"
    """A person knows that the user needs attention."""
    IDS_READ = "conference_ids_read"


CHANGES: Final = frozenset(
    {HistoryEvent.MOVED, HistoryEvent.BRIDGE_CHANGED, HistoryEvent.NUMBER_CHANGED}
)
"""Those that changed the user in the tenant."""


@dataclass(frozen=True, slots=True)
class DialIn:
    """A user's dial-in details; "" for what there is none of, or is not known.

    bridge: its id. conference_id: masked, which makes the record no secret.
    """

    provider: str = ""
    toll_number: str = ""
    toll_free_number: str = ""
    bridge: str = ""
    conference_id: str = ""

    @property
    def numbers(self) -> tuple[str, str]:
        """The toll and the toll-free number."""
        return self.toll_number, self.toll_free_number

    @classmethod
    def of_entry(cls, entry: ProviderEntry | None, bridge: str = "") -> Self:
        """Return what a provider entry says; None: the user has no provider."""
        if entry is None:
            return cls(bridge=bridge)
        numbers = entry.toll_number, entry.toll_free_number
        return cls(entry.name, *numbers, bridge, masked(entry.passcode))

    @classmethod
    def of_conferencing(cls, user: ConferencingUser) -> Self:
        """Return what Microsoft's conferencing has of a user."""
        toll = user.default_toll_number or user.toll_number
        toll_free = user.default_toll_free_number or user.toll_free_number
        return cls(MICROSOFT, toll, toll_free, user.bridge_id, masked(user.conference_id))

    @classmethod
    def of_saved(cls, record: "ReplacedProvider") -> Self:
        """Return what a saved record says."""
        if record.conferencing:
            return cls.of_conferencing(record.conferencing)
        return cls.of_entry(deciding_entry(record.entries))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one user: when the app began it, and the dial-in details before and after.

    began_at: names the change, so that it is recorded once however often it is told.
    """

    what: HistoryEvent
    began_at: datetime
    before: DialIn
    after: DialIn = DialIn()


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """A record. at: when (UTC). signal, run: what led to it, "" for none.

    by, ticket, note: who asked for it, and why. reason: why the app did it. upn: the address then.
    before, after: of a change.
    """

    user_id: str
    what: HistoryEvent
    at: datetime
    upn: str = ""
    signal: str = ""
    run: str = ""
    by: str = ""
    ticket: str = ""
    note: str = ""
    reason: str = ""
    before: DialIn | None = None
    after: DialIn | None = None


def masked(conference_id: str) -> str:
    """Return a conference ID of which only the last digits can be read."""
    shown = _SHOWN if len(conference_id) >= _SHORTEST else 0
    return "*" * (len(conference_id) - shown) + conference_id[len(conference_id) - shown :]


def told_before(known: "KnownUser", saved: DialIn | None) -> HistoryRecord | None:
    """Return the last move as the version before recorded it, which kept no history; None: it did not move.

    saved: what was replaced, if that is known.
    """
    if known.moved_at is None:
        return None
    return HistoryRecord(
        known.user_id,
        HistoryEvent.MOVED,
        known.moved_at,
        run=known.moved_run or "",
        reason="recorded before the app kept a history",
        before=saved or DialIn(known.old_provider or ""),
        after=DialIn(MICROSOFT),
    )
