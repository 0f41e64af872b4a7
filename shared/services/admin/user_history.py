"""The history of one user, whether or not the directory still knows the user."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.history import DialIn, HistoryRecord, told_before
from shared.domain.outcome import Outcome, UserResult
from shared.domain.saved import KnownUser, replaced_by
from shared.services.admin.people import KnownPerson, People, unknown
from shared.services.ports import History, ReplacedProviders, Users

_AT_END: Final = "~"
"""After all rows: the page of what only the version before recorded."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some records, the newest first. more: where the next page begins, None: this is the last."""

    person: KnownPerson
    records: Sequence[HistoryRecord]
    more: str | None = None


class UserHistory:
    """Reads histories: one range scan, and on the last page what was recorded before there were any."""

    def __init__(
        self, people: People, history: History, users: Users, replaced: ReplacedProviders
    ) -> None:
        self._people = people
        self._history = history
        self._users = users
        self._replaced = replaced

    async def read(
        self, name: str, limit: int, after: str = "", *, earlier: bool = False
    ) -> HistoryPage:
        """Return at most `limit` records of the person called `name`, by `People.find`.

        after: `more` of the page before. earlier: also of others who had this address in the past, for
        whom the tables are read through. NoSuchItemError: nobody knows such a user.
        """
        person = await self._people.find(name)
        others = set(await self._people.ids_of(name)) if earlier and "@" in name else set()
        users = [person.id, *sorted(others - {person.id})]
        found, more = await self._history.page(users, limit, after)
        if more is None:
            old = [record for user in users if (record := await self._old(user))]
            if person.user is None and not (found or after or old or await self._is_known(person)):
                raise unknown(name)
            if old and len(found) + len(old) > limit:
                return HistoryPage(person, found, _AT_END)
            found = [*found, *old]
        return HistoryPage(person, found, more)

    async def _is_known(self, person: KnownPerson) -> bool:
        known = await self._users.known(person.id)
        return known is not None or bool(await self._replaced.of(person.id))

    async def _old(self, user_id: str) -> HistoryRecord | None:
        """Return the last move of a user whom the version before moved, and nobody since."""
        known = await self._users.known(user_id)
        if known is None or known.moved_at is None:
            return None
        if await self._history.has_move_until(user_id, known.moved_at):
            return None
        return told_before(known, await self._replaced_at(known))

    async def _replaced_at(self, known: KnownUser) -> DialIn | None:
        moved = UserResult(
            known.user_id, Outcome.MOVED, "", old_provider=known.old_provider, at=known.moved_at
        )
        record = replaced_by(moved, await self._replaced.of(known.user_id))
        return DialIn.of_saved(record) if record else None
