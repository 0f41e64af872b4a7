"""Teams, in memory, with the awkward sides switched on by tests."""

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from shared.domain.bridges import BridgeNumber
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import (
    ConflictError,
    InputError,
    LateTurnError,
    NotFoundError,
    ServiceError,
    UnreachableError,
)
from tests.fakes.people import BRIDGE, conferencing, microsoft

QUIET = TenantSwitches(replaces_provider=False, sends_mail=False, sends_meetings=False)
"""Switches of a tenant in which a move has no side effect."""


@dataclass
class FakeTeams:
    """Teams: users with entries; setting Microsoft drops what was there, as the service does."""

    known: dict[str, ServiceUser] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    set_errors: dict[str, Exception] = field(default_factory=dict)
    sets: list[tuple[str, bool, str | None]] = field(default_factory=list)
    set_bridges: list[str | None] = field(default_factory=list)
    """The bridge that each set named."""
    on_no_bridge: set[str] = field(default_factory=set)
    mailed: list[str] = field(default_factory=list)
    conferencing: dict[str, ConferencingUser] = field(default_factory=dict)
    """What conferencing has of users where it is not what follows from the number and one bridge."""
    conferencing_reads: int = 0
    reads: int = 0
    first_reads: int = 0
    """Those of the reads that went before the calls of other users."""
    at_once: int = 0
    """Reads of conferencing users that had a deadline."""
    late_turns: int = 0
    """Sets that get no turn in the time they have, and are not made."""
    changed_while_late: ServiceUser | None = None
    """What somebody else makes of the user while the next set waits for a turn in vain."""
    takes_effect_and_fails: bool = False
    """Whether the next set happens and answers an error all the same."""
    changed_meanwhile: ServiceUser | None = None
    """What somebody else makes of the user while the next set gets no answer and does not happen."""
    lag: int = 0
    """Reads after a set that still show the old state."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    page_size: int = 3
    pages_read: list[int] = field(default_factory=list)
    begins_again: bool = False
    """Whether the end of the listing is not believed at first, so that it is read twice."""
    stop_at: int | None = None
    """The user at which the listing breaks off with `stop_with`."""
    stops: float = float("inf")
    """How often it breaks off there."""
    stop_with: ServiceError = field(
        default_factory=lambda: UnreachableError("Teams", "GET /Teams.User/users", "ReadTimeout")
    )
    tenant_switches: TenantSwitches | None = QUIET
    tenant_providers: list[Provider] = field(default_factory=list)
    bridges: list[BridgeNumber] = field(default_factory=list)
    tenant_error: ServiceError | None = None
    """What every call answers that is about the whole tenant."""
    refused_request: ConflictError | None = None
    """What a request is refused with, where the service has no call for it."""
    tenant_reads: int = 0
    _before: dict[str, tuple[int, ServiceUser]] = field(default_factory=dict)

    def add(self, *users: ServiceUser) -> None:
        self.known |= {user.id: user for user in users}

    async def user(
        self, user_id: str, *, first: bool = False, within: float | None = None
    ) -> ServiceUser | None:
        self.reads += 1
        self.first_reads += first
        if error := self.errors.get(user_id):
            raise error
        left, old = self._before.get(user_id, (0, None))
        if left and old:
            self._before[user_id] = (left - 1, old)
            return old
        return self.known.get(user_id)

    async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        if self.begins_again and start is None:
            async for page in self._pages("0"):
                yield replace(page, next_link=page.next_link or "0")
            start = "0"
        async for page in self._pages(start):
            yield replace(page, restarts=self.begins_again and start == "0")
            start = None

    async def _pages(self, start: str | None) -> AsyncIterator[TeamsPage]:
        users = list(self.known.values())
        for at in range(int(start or 0), max(len(users), 1), self.page_size):
            if self.stop_at is not None and at >= self.stop_at and self.stops:
                self.stops -= 1
                raise self.stop_with
            self.pages_read.append(at)
            following = at + self.page_size
            link = str(following) if following < len(users) else None
            yield TeamsPage(users[at:following], link, self.faults if at == 0 else [])

    def check_takes(self, request: MoveRequest) -> None:
        if self.refused_request:
            raise self.refused_request

    async def switches(self) -> TenantSwitches | None:
        self._read_tenant()
        return self.tenant_switches

    async def providers(self) -> list[Provider]:
        self._read_tenant()
        return list(self.tenant_providers)

    async def bridge_numbers(self) -> list[BridgeNumber]:
        self._read_tenant()
        return list(self.bridges)

    async def conferencing_user(
        self, user_id: str, *, within: float | None = None
    ) -> ConferencingUser:
        self.at_once += within is not None
        self.conferencing_reads += 1
        if error := self.errors.get(user_id):
            raise error
        if found := self.conferencing.get(user_id):
            return found
        user = self.known.get(user_id)
        if user is None or user.provider is None or not user.provider.is_microsoft:
            raise NotFoundError("Teams", "GET /Teams.Cpc/users/{id}", "HTTP 404", status=404)
        return conferencing(user_id, user.provider.toll_number)

    async def bridge_of(self, number: str) -> str:
        if number in self.on_no_bridge:
            raise InputError(f"number {number} is on no bridge of the tenant")
        bridges = {each.number: each.bridge for each in self.bridges}
        return bridges.get(number, BRIDGE)

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
        if within is not None and (self.late_turns or within < 0):
            self.late_turns = max(0, self.late_turns - 1)
            if self.changed_while_late:
                self.add(self.changed_while_late)
                self.changed_while_late = None
            raise LateTurnError("Teams", "PUT /Teams.Cpc/users/{id}", "no turn in time")
        self.sets.append((user_id, replace, number))
        self.set_bridges.append(bridge)
        self.mailed += [user_id] * send_email
        if error := self.set_errors.get(user_id):
            raise error
        if self.changed_meanwhile:
            self.add(self.changed_meanwhile)
            self.changed_meanwhile = None
            raise UnreachableError("Teams", "PUT /Teams.Cpc/users/{id}", "ReadTimeout")
        self.conferencing.pop(user_id, None)
        user = self.known[user_id]
        self._before[user_id] = (self.lag, user)
        self.known[user_id] = dataclasses.replace(
            user, entries=(microsoft(number or "+15550199", toll_free=toll_free or ""),)
        )
        if self.takes_effect_and_fails:
            self.takes_effect_and_fails = False
            raise UnreachableError("Teams", "PUT /Teams.Cpc/users/{id}", "ReadTimeout")

    def _read_tenant(self) -> None:
        self.tenant_reads += 1
        if self.tenant_error:
            raise self.tenant_error
