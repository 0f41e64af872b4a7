"""The roster: what was last seen of each user, and on which list the user stands. Pure.

It is a picture for people and decides nothing: who is moved is always read anew.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import IO, Final

from shared.domain.decision import Action, Decision
from shared.domain.license_age import LicenseAges
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import MICROSOFT, DirectoryUser, ServiceUser
from shared.domain.value import value
from shared.sorted_rows import SortedRows
from shared.text import packed, unpacked


class Standing(StrEnum):
    """The list on which a user stands."""

    ON_MICROSOFT = "on_microsoft"
    READY = "ready"
    """Licensed, included, and the provider is not Microsoft."""
    WAITING = "waiting"
    ATTENTION = "attention"
    HELD = "held"
    """The guard holds the change until a person decides."""
    EXCLUDED = "excluded"
    UNLICENSED = "unlicensed"
    """Not licensed, and on a third party: others are not kept."""


_ID_BYTES, _DIGEST_BYTES = 16, 8

STANDING: Final = {
    Action.REPLACE: Standing.READY,
    Action.ENABLE: Standing.READY,
    Action.SET_NUMBER: Standing.ON_MICROSOFT,
    Action.CHANGE_BRIDGE: Standing.ON_MICROSOFT,
    Action.ALREADY: Standing.ON_MICROSOFT,
    Action.WAIT: Standing.WAITING,
    Action.UNLICENSED: Standing.UNLICENSED,
    Action.EXCLUDED: Standing.EXCLUDED,
}
"""The list of a user for whom this was decided."""

_BY_OUTCOME: Final = {
    Outcome.MOVED: Standing.ON_MICROSOFT,
    Outcome.ALREADY_MICROSOFT: Standing.ON_MICROSOFT,
    Outcome.BRIDGE_CHANGED: Standing.ON_MICROSOFT,
    Outcome.WOULD_CHANGE_BRIDGE: Standing.ON_MICROSOFT,
    Outcome.HELD: Standing.HELD,
    Outcome.WAITING: Standing.WAITING,
    Outcome.FAILED: Standing.WAITING,
    Outcome.UNLICENSED: Standing.UNLICENSED,
    Outcome.EXCLUDED: Standing.EXCLUDED,
    Outcome.WOULD_MOVE: Standing.READY,
}
_ATTEMPTED: Final = frozenset({Standing.WAITING, Standing.ATTENTION, Standing.HELD})
"""What only an attempt at the user can find out, and a listing does not see."""


@value
class RosterEntry:
    """What was last seen of a user.

    standing: None: on no list any more. seen_at: when it was read (UTC). provider: the name, "" for
    none. moved: this look moved the user, whose license came at licensed_at, where that is known; neither
    is kept. name, department, country: "" where it is not known.
    """

    user_id: str
    standing: Standing | None
    reason: str
    seen_at: datetime
    upn: str = ""
    provider: str = ""
    name: str = ""
    department: str = ""
    country: str = ""
    moved: bool = False
    licensed_at: datetime | None = None

    @property
    def digest(self) -> bytes:
        """8 bytes that change with what a listing tells of the user, but for the time."""
        shown = f"{self.standing}\0{self.reason}\0{self.upn}\0{self.provider}\0{self.name}\0{self.country}"
        return blake2b(shown.encode(), digest_size=_DIGEST_BYTES).digest()


@dataclass(frozen=True, slots=True)
class RosterDay:
    """A day's figures: users on each list at its end, and users moved on it by signal.

    ages: users moved because of a new license by the step of its age (`license_age`).
    """

    day: date
    counts: Mapping[str, int]
    moved: Mapping[str, int]
    ages: Mapping[int, int] = field(default_factory=dict)


def license_ages(days: Iterable[RosterDay], today: date) -> LicenseAges | None:
    """Return how long users waited whom a new license moved today or on the six days before."""
    week = (day.ages for day in days if day.day > today - timedelta(days=7))
    return LicenseAges.of(sum(map(Counter, week), Counter[int]()))


class KnownKeys:
    """What listings showed of every user before, in the order of ids: a byte of memory per user.

    file: where 24 more are kept; None: in memory.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._rows = SortedRows(_ID_BYTES, _ID_BYTES + _DIGEST_BYTES, file)

    def add(self, user_id: str, digest: bytes) -> None:
        """Add the next user."""
        self._rows.add(packed(user_id) + digest)

    def news(self, entries: Iterable[RosterEntry]) -> tuple[list[RosterEntry], list[RosterEntry]]:
        """Return those entries that are new, and those that have changed, and mark all as seen."""
        new, changed = [], []
        for entry in entries:
            digest = self.find(entry.user_id)
            if digest is None and entry.standing:
                new.append(entry)
            elif digest is not None and digest != entry.digest:
                changed.append(entry)
        return new, changed

    def find(self, user_id: str) -> bytes | None:
        """Return the digest of a user and mark the user as seen; None: not known."""
        found = self._rows.find(packed(user_id))
        if found is None:
            return None
        at, row = found
        self._rows.seen[at] = True
        return row[_ID_BYTES:]

    def unseen(self) -> list[str]:
        """Return the users who were not asked for."""
        return [unpacked(row[:_ID_BYTES]) for row in self._rows.unseen()]


def from_result(
    result: UserResult, found: DirectoryUser | Exception, seen_at: datetime, *, attention: bool
) -> RosterEntry:
    """Return the entry that an attempt leads to. attention: a person has to help this user."""
    standing = Standing.ATTENTION if attention else _BY_OUTCOME.get(result.outcome)
    provider = (MICROSOFT if standing is Standing.ON_MICROSOFT else result.provider) or ""
    entry = RosterEntry(
        user_id=result.user_id,
        standing=_kept(standing, provider),
        reason=result.reason,
        seen_at=seen_at,
        upn=result.upn,
        provider=provider,
        moved=result.outcome is Outcome.MOVED,
        licensed_at=result.licensed_at,
    )
    if isinstance(found, DirectoryUser):
        entry = replace(
            entry,
            name=found.name,
            department=found.department,
            country=found.usage_location or "",
        )
    return entry


def from_listing(service: ServiceUser, decision: Decision, seen_at: datetime) -> RosterEntry:
    """Return the entry that a listing of the service leads to."""
    entry = service.provider
    provider = entry.name if entry else ""
    return RosterEntry(
        user_id=service.id,
        standing=_kept(STANDING[decision.action], provider),
        reason=decision.reason,
        seen_at=seen_at,
        upn=service.upn,
        provider=provider,
        name=service.name,
        country=service.usage_location or "",
    )


def merged(known: RosterEntry | None, new: RosterEntry, *, listed: bool) -> RosterEntry:
    """Return what is known of a user after `new`. listed: it came from a listing, not from an attempt.

    The later look counts; the same look again changes nothing. A listing does not know that a user
    waits, needs attention or is held: such a user stays on that list until an attempt, or until the listing
    shows that there is nothing left to do.
    """
    if known is None:
        return new
    if known.seen_at >= new.seen_at:
        return known
    entry = replace(
        new,
        upn=new.upn or known.upn,
        name=new.name or known.name,
        department=new.department or known.department,
        country=new.country or known.country,
    )
    if (
        listed
        and known.standing in _ATTEMPTED
        and new.standing in (Standing.READY, Standing.WAITING)
    ):
        return replace(entry, standing=known.standing, reason=known.reason)
    return entry


def difference(changes: Iterable[tuple[RosterEntry | None, RosterEntry]]) -> Mapping[str, int]:
    """Return by how much the counts of the lists change, from pairs of before and after."""
    counts: Counter[str] = Counter()
    for before, after in changes:
        if before and before.standing:
            counts[before.standing] -= 1
        if after.standing:
            counts[after.standing] += 1
    return {name: count for name, count in counts.items() if count}


def _kept(standing: Standing | None, provider: str) -> Standing | None:
    """Return the list of a user, none for an unlicensed one who has nothing to lose."""
    if standing is not Standing.UNLICENSED:
        return standing
    third_party = provider and provider.casefold() != MICROSOFT.casefold()
    return standing if third_party else None
