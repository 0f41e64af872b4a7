"""What the service tells and takes: read once a day, learned from real sets, and never tried out."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.clock import Clock
from shared.domain.capabilities import Capabilities, Known, described
from shared.domain.listing import TeamsPage, TenantSwitches
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import (
    AccessDeniedError,
    AcpError,
    ConflictError,
    NotFoundError,
    RejectedError,
    ServiceError,
)
from shared.services.ports import CapabilityStore, Conferencing
from shared.telemetry.events import CapabilitiesRead, CapabilityUnread
from shared.telemetry.log import EventLog
from shared.telemetry.operation import traced

_PAGES: Final = 3
"""Pages of the listing that are read to find a provisioned user."""

_FRESH: Final = 60.0
"""Seconds for which what is stored is shown without reading it again."""

_RETIRED: Final = "ReplaceProviderRetired"
_WRONG_VERB: Final = 405


@dataclass(frozen=True, slots=True)
class Sources:
    """What is asked of a tenant. Each raises ServiceError when it does not answer.

    documented: None where no such call exists, so that nothing is asked. switches: None is not known.
    """

    conferencing: Conferencing
    bridges: Callable[[], Awaitable[object]]
    documented: Callable[[], Awaitable[object]] | None
    switches: Callable[[], Awaitable[TenantSwitches | None]]


class CapabilityReader:
    """Keeps what is known of the service. api: by which calls the app asks.

    sources: made when the tenant is asked; to show what is known needs no client of a service.
    """

    def __init__(
        self,
        sources: Callable[[], Sources],
        store: CapabilityStore,
        api: str,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._sources = sources
        self._store = store
        self._api = api
        self._clock = clock
        self._log = log
        self._shown: Mapping[str, str] = {}
        self._shown_at = float("-inf")

    async def known(self) -> Capabilities | None:
        """Return what was found by the same calls, or None. StorageError: it cannot be read."""
        found = await self._store.capabilities()
        return found if found and found.api == self._api else None

    async def shown(self) -> Mapping[str, str]:
        """Return what is known for people, at most a minute old; nothing where it cannot be read."""
        if self._clock.monotonic() - self._shown_at > _FRESH:
            try:
                self._shown = described(await self.known())
            except AcpError as error:
                self._log.write(CapabilityUnread(part="storage", reason=str(error)))
            self._shown_at = self._clock.monotonic()
        return self._shown

    @traced
    async def look_if_due(self) -> Capabilities:
        """Read the service again where what is known is a day old; return what is known then."""
        known = await self._store.capabilities()
        if known and not known.is_due(self._clock.now(), self._api):
            return known
        return await self._look(known)

    async def _look(self, before: Capabilities | None) -> Capabilities:
        of = self._sources()
        found = Capabilities(
            api=self._api,
            looked_at=self._clock.now(),
            providers=await self._ask("providers", self._providers),
            bridges=await self._ask("bridges", lambda: _answers(of.bridges)),
            documented=await self._ask("documented calls", self._documented),
            switches=await self._switches(),
        )
        if before and before.api == self._api:
            # What only a set can show stays as the last one showed it.
            found = replace(found, replace=before.replace, set_verb=before.set_verb)
        await self._store.save_capabilities(found)
        self._log.write(_event(found))
        return found

    async def learn(self, *, replace_offered: Known | None = None, set_verb: str) -> bool:
        """Remember what a real set has shown; nothing is written when it was known.

        Return False before the first look: then there is nothing to add it to.
        """
        before = await self._store.capabilities()
        if before is None or before.api != self._api:
            return False
        offered = before.replace if replace_offered is None else replace_offered
        after = replace(before, replace=offered, set_verb=set_verb)
        if after != before:
            await self._store.save_capabilities(after)
            self._log.write(_event(after))
        return True

    async def _ask(self, part: str, question: Callable[[], Awaitable[Known]]) -> Known:
        try:
            return await question()
        except ServiceError as error:
            self._log.write(CapabilityUnread(part=part, reason=str(error)))
            return Known.UNKNOWN

    async def _providers(self) -> Known:
        """Return whether the first pages with provisioned users tell their providers."""
        number = 0
        async with aclosing(_generator(self._sources().conferencing)) as pages:
            async for page in pages:
                if any(user.provider_known for user in page.users):
                    return Known.YES
                number += 1
                if any(user.ready for user in page.users):
                    return Known.NO
                if number == _PAGES:
                    break
        return Known.UNKNOWN

    async def _documented(self) -> Known:
        documented = self._sources().documented
        return Known.NO if documented is None else await _answers(documented)

    async def _switches(self) -> TenantSwitches | None:
        try:
            return await self._sources().switches()
        except ServiceError as error:
            self._log.write(CapabilityUnread(part="switches", reason=str(error)))
            return None


class WatchedConferencing:
    """Conferencing whose sets teach what only they can show; everything else is passed on."""

    def __init__(self, inner: Conferencing, reader: CapabilityReader, log: EventLog) -> None:
        self._inner = inner
        self._reader = reader
        self._log = log
        self._learned: set[tuple[bool, str]] = set()

    async def user(self, user_id: str, **options: Any) -> ServiceUser | None:
        """Return the service's view of a user, or None."""
        return await self._inner.user(user_id, **options)

    def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        """Yield all users, page by page."""
        return self._inner.pages(start)

    async def conferencing_user(self, user_id: str, **options: Any) -> ConferencingUser:
        """Return conference ID, numbers and bridge of a user on Microsoft."""
        return await self._inner.conferencing_user(user_id, **options)

    async def bridge_of(self, number: str) -> str:
        """Return the id of a number's bridge."""
        return await self._inner.bridge_of(number)

    async def set_microsoft(self, user_id: str, *, replace: bool, **options: Any) -> None:
        """Set Microsoft, and remember whether the service took the verb and the replacing."""
        try:
            await self._inner.set_microsoft(user_id, replace=replace, **options)
        except RejectedError as error:
            if error.status == _WRONG_VERB:
                await self._learn(replace=replace, offered=None, verb=error.detail)
            elif error.code == _RETIRED:
                await self._learn(replace=replace, offered=Known.NO, verb="accepted")
            raise
        await self._learn(replace=replace, offered=Known.YES if replace else None, verb="accepted")

    async def _learn(self, *, replace: bool, offered: Known | None, verb: str) -> None:
        lesson = (replace, f"{offered} {verb}")
        if lesson in self._learned:
            return
        try:
            kept = await self._reader.learn(replace_offered=offered, set_verb=verb)
        except AcpError as error:
            # The set is done, or refused, whatever becomes of this note; the next set brings it again.
            self._log.write(CapabilityUnread(part="storage", reason=str(error)))
            return
        if kept:
            self._learned = {each for each in self._learned if each[0] != replace} | {lesson}


async def _generator(conferencing: Conferencing) -> Any:
    async for page in conferencing.pages():
        yield page


async def _answers(call: Callable[[], Awaitable[object]]) -> Known:
    """Return whether a call answers with something; ServiceError: it does not say.

    A missing permission says nothing about the service.
    """
    try:
        return Known.NO if await call() == [] else Known.YES
    except AccessDeniedError:
        return Known.UNKNOWN
    except (NotFoundError, RejectedError, ConflictError):
        return Known.NO


def _event(found: Capabilities) -> CapabilitiesRead:
    return CapabilitiesRead(
        api=found.api,
        providers=found.providers,
        bridges=found.bridges,
        documented=found.documented,
        replace=found.replace,
        set_verb=found.set_verb or None,
    )
