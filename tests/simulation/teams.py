"""Teams as the services see it: entries that are lost when Microsoft is set, reads that lag."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from shared.domain.bridges import BridgeNumber, bridge_of
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.user import ConferencingUser, ProviderEntry, ServiceUser
from shared.errors import (
    ContractError,
    LateTurnError,
    NotFoundError,
    RejectedError,
    RetryLaterError,
    TransientError,
)
from tests.simulation.fate import Process
from tests.simulation.line import Line
from tests.simulation.people import APP, MICROSOFT_ENTRY, People, Person, State

_PAGE: Final = 3
_LAG: Final = 4.0
_BRIDGE: Final = "00000000-0000-4000-8000-00000000b41d"


@dataclass(frozen=True)
class Change:
    """A set that took effect: of whom, when, by which process, and what was so before."""

    person: Person
    at: float
    process: Process
    before: State
    mailed: bool
    asked: float
    """When the app began the call: its round trip may take long, and nobody can shorten it."""

    @property
    def dropped(self) -> tuple[ProviderEntry, ...]:
        """The entries that nobody but the app's table has now."""
        return self.before.third_party

    @property
    def moves(self) -> bool:
        """Whether the user was not on Microsoft before; else only a number was set."""
        return bool(self.before.third_party or not self.before.entries)


@dataclass
class TeamsWorld:
    """What Teams has, and how it misbehaves. awkward: the share of reads that lag."""

    people: People
    rng: random.Random
    awkward: float = 0.0
    on_set: Callable[[Change], None] = lambda _: None
    on_doubt: Callable[[Process, str], None] = lambda *_: None
    """Called with the process and the user of a set without an answer: it may have taken effect."""
    refuses: dict[str, str] = field(default_factory=dict)
    """User id -> the code with which the service rejects a set."""
    stale: int = 0
    tried: set[str] = field(default_factory=set)
    """Users whose set was sent, whether or not it took effect."""

    def lag(self) -> float:
        """Return how far the next read lags behind."""
        if self.rng.random() >= self.awkward:
            return 0.0
        self.stale += 1
        return self.rng.uniform(0, _LAG)


class SimulatedTeams:
    """Teams, as one process reaches it."""

    def __init__(self, world: TeamsWorld, line: Line) -> None:
        self._world = world
        self._line = line
        self._numbers: list[BridgeNumber] = []

    async def user(
        self, user_id: str, *, first: bool = False, within: float | None = None
    ) -> ServiceUser | None:
        def read() -> ServiceUser | None:
            person = self._world.people.by_id.get(user_id)
            return person.in_service(person.seen(self._world.lag())) if person else None

        return await self._line.call("user", read, first=first, within=within)

    async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        if not (start or "0").isdecimal():
            raise ContractError("Teams", "GET", "the link leads to another host")
        at = int(start or 0)
        while True:

            def page(at: int = at) -> TeamsPage:
                everybody = list(self._world.people)
                users = [
                    person.in_service(person.seen(self._world.lag()))
                    for person in everybody[at : at + _PAGE]
                ]
                link = str(at + _PAGE) if at + _PAGE < len(everybody) else None
                return TeamsPage(users, link)

            found = await self._line.call("pages", page)
            yield found
            at += _PAGE
            if found.next_link is None:
                return

    async def conferencing_user(
        self, user_id: str, *, within: float | None = None
    ) -> ConferencingUser:
        def read() -> ConferencingUser:
            person = self._world.people.by_id.get(user_id)
            entry = person.in_service(person.state).provider if person else None
            if entry is None or not entry.is_microsoft:
                raise NotFoundError("Teams", "GET conferencing user", "HTTP 404", status=404)
            return ConferencingUser(user_id, f"ms-{user_id}", _BRIDGE, "", entry.toll_number)

        return await self._line.call("user", read, first=True, within=within)

    async def set_microsoft(
        self,
        user_id: str,
        *,
        replace: bool,
        number: str | None = None,
        toll_free: str | None = None,
        bridge: str | None = None,
        send_email: bool = False,
        within: float | None = None,
    ) -> None:
        asked = asyncio.get_running_loop().time()

        def change() -> None:
            person = self._world.people.by_id[user_id]
            before = person.state
            if code := self._world.refuses.get(user_id):
                raise RejectedError("Teams", "PUT user", "HTTP 400", code, 400)
            if not before.ready or before.deleted:
                raise NotFoundError("Teams", "PUT user", "HTTP 404", status=404)
            if before.third_party and not replace:
                raise RejectedError("Teams", "PUT user", "HTTP 400", "ThirdPartyProvider", 400)
            person.change(APP, entries=(_entry(number, toll_free),))
            now = asyncio.get_running_loop().time()
            self._world.on_set(Change(person, now, self._line.process, before, send_email, asked))

        self._world.tried.add(user_id)
        try:
            await self._line.call("set", change, tries=1, first=True, within=within)
        except TransientError as error:
            if not isinstance(error, RetryLaterError | LateTurnError):
                self._world.on_doubt(self._line.process, user_id)
            raise

    def check_takes(self, request: MoveRequest) -> None:
        """Take every request."""

    async def providers(self) -> list[Provider]:
        return await self._line.call("providers", lambda: [Provider("InterCall"), Provider("BT")])

    async def switches(self) -> TenantSwitches:
        return await self._line.call("switches", lambda: TenantSwitches(False, False, False))

    async def bridge_numbers(self) -> list[BridgeNumber]:
        numbers = [BridgeNumber(number, _BRIDGE) for number in ("+15550199", "+15550200")]
        return await self._line.call("bridges", lambda: numbers)

    async def bridge_of(self, number: str) -> str:
        self._numbers = self._numbers or await self.bridge_numbers()
        return bridge_of(number, self._numbers)


def _entry(number: str | None, toll_free: str | None) -> ProviderEntry:
    return ProviderEntry(
        MICROSOFT_ENTRY.name,
        MICROSOFT_ENTRY.domain,
        number or MICROSOFT_ENTRY.toll_number,
        toll_free or "",
        "0",
        "",
        True,
    )
