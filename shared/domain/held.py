"""Users whom the guard holds: who, why, and whom of them a person releases."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.domain.run import Signal

PERMITTED_FOR: Final = timedelta(days=7)
"""A queue keeps no message for longer ("Put Message", messagettl), and who waits was tried by then."""


@dataclass(frozen=True, slots=True)
class HeldUser:
    """A user who waits for a person. run: the run on whose list the user is.

    released: a person permitted the change, which counts against nothing else; it has not happened yet.
    runs: those that say of the user `held`, and are told what becomes of it. revision: changes with the row.
    """

    user_id: str
    upn: str
    provider: str
    signal: Signal
    run: str
    since: datetime
    reason: str = ""
    released: bool = False
    released_at: datetime | None = None
    runs: tuple[str, ...] = ()
    revision: str = field(default="", compare=False)

    def is_out_of_date(self, now: datetime) -> bool:
        """Whether a release was for nothing: nobody comes for it any more, and it permits no later change."""
        return self.released and now - (self.released_at or self.since) > PERMITTED_FOR


@dataclass(frozen=True, slots=True)
class HeldSelection:
    """Whom of a held run to release or discard: all, unless narrowed.

    limit: at most so many. provider: only those on it. users: only these ids or addresses.
    """

    limit: int | None = None
    provider: str | None = None
    users: frozenset[str] | None = None

    def of(self, held: Iterable[HeldUser]) -> Iterator[HeldUser]:
        """Yield the selected users."""
        left = self.limit
        for each in held:
            if left == 0:
                return
            if self._wants(each):
                left = None if left is None else left - 1
                yield each

    def strangers(self, held: Iterable[HeldUser]) -> list[str]:
        """Return the named users who are not held."""
        known = {name.casefold() for each in held for name in (each.user_id, each.upn)}
        return sorted(name for name in self.users or () if name.casefold() not in known)

    def _wants(self, user: HeldUser) -> bool:
        if self.provider is not None and self.provider.casefold() != user.provider.casefold():
            return False
        return self.users is None or not self.users.isdisjoint(
            {user.user_id.casefold(), user.upn.casefold()}
        )
