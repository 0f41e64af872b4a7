"""Keep the roster: the picture of all users that lists and pages show.

It decides nothing, so a table that refuses it fails nobody: what was not written is written at the next
look, at the latest by the next sweep.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import batched
from typing import Final

from shared.clock import Clock
from shared.domain.roster import KnownKeys, RosterEntry, from_listing
from shared.domain.run import Signal
from shared.errors import StorageError
from shared.services.ports import Roster
from shared.services.sweeping.survey import SurveyedPage, SurveyedUser, is_guid
from shared.telemetry.events import RosterBehind
from shared.telemetry.log import EventLog
from shared.text import unpacked

_REMOVED_AT_ONCE: Final = 1_000


class RosterKeeper:
    """Writes what attempts and listings see."""

    def __init__(self, roster: Roster, clock: Clock, log: EventLog) -> None:
        self._roster = roster
        self._clock = clock
        self._log = log

    async def note(self, entries: Sequence[RosterEntry], signal: Signal) -> None:
        """Write what attempts saw."""
        async with self._unless_refused(len(entries)):
            await self._roster.note(entries, self._clock.now(), signal)

    async def begin_listing(self) -> "Listing":
        """Begin to write what a listing of all users tells."""
        known = KnownKeys()
        async with self._unless_refused(0):
            known = await self._roster.known_keys()
        return Listing(self, known)

    async def note_listed(self, users: Iterable[SurveyedUser], known: KnownKeys) -> None:
        """Write what a page of a listing tells anew."""
        now = self._clock.now()
        entries = [from_listing(user.service, user.decision, now) for user in users]
        new, changed = known.news(entries)
        async with self._unless_refused(len(new) + len(changed)):
            await self._roster.insert(new, now)
            await self._roster.note(changed, now)

    async def remove(self, users: Sequence[str]) -> None:
        """Take users off the roster."""
        for some in batched(users, _REMOVED_AT_ONCE, strict=False):
            async with self._unless_refused(len(some)):
                await self._roster.remove(some, self._clock.now())

    @asynccontextmanager
    async def _unless_refused(self, users: int) -> AsyncIterator[None]:
        try:
            yield
        except StorageError as error:
            self._log.write(RosterBehind(users=users, reason=str(error)))


class Listing:
    """One listing of all users, as it goes on."""

    def __init__(self, keeper: RosterKeeper, known: KnownKeys) -> None:
        self._keeper = keeper
        self._known = known

    async def page(self, page: SurveyedPage) -> None:
        """Write what a page tells anew."""
        await self._keeper.note_listed(page.users, self._known)
        for user_id, _ in page.faults:
            if is_guid(user_id):
                self._known.find(user_id)

    async def end(self, unlisted: Iterable[bytes]) -> None:
        """Take off the roster who was on no page. unlisted: licensed users, who stay."""
        for key in unlisted:
            self._known.find(unpacked(key))
        await self._keeper.remove(self._known.unseen())
