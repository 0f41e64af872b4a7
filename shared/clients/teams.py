"""Teams admin API client: users with their provider entries, and setting Microsoft as provider."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import httpx

from shared.clients import wire
from shared.clients.http import ServiceClient
from shared.clients.pages import Page, Trail, page_reader
from shared.clients.teams_listing import Place, continuation
from shared.clients.teams_models import (
    BRIDGE,
    NUMBER,
    PROVIDER,
    SETTINGS,
    USER,
    CpcUser,
    Discovery,
    SetAnswer,
    TeamsUser,
    unknown,
)
from shared.clients.values import elements, list_reader
from shared.clients.wire import Call
from shared.clock import Clock
from shared.domain.bridges import BridgeNumber, bridge_of
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import (
    ContractError,
    InvalidResponseError,
    NotFoundError,
    RejectedError,
    ServiceError,
    ThrottledError,
)
from shared.telemetry.events import UnknownFeature

_GET: Final = "Get-CsOnlineUser"
_USERS: Final = page_reader(TeamsUser, "users")
_SAMPLE: Final = 100
"""Users that are read to find out whether the service tells providers."""

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_MINUTE: Final = 60.0


class TeamsClient:
    """The calls to Teams that the services need, in the domain's types.

    page_size: users per page of the listing.
    """

    def __init__(self, service: ServiceClient, page_size: int, clock: Clock) -> None:
        self._service = service
        self._page_size = page_size
        self._clock = clock
        self._discovery: Discovery | None = None
        self._discovered_at = float("-inf")
        self._discovering = asyncio.Lock()
        self._numbers: list[BridgeNumber] = []
        self._reading_numbers = asyncio.Lock()
        self._tells_providers = False
        self._asked_for_providers = float("-inf")
        self._features: dict[str, float] = {}

    async def user(
        self, user_id: str, *, first: bool = False, within: float | None = None
    ) -> ServiceUser | None:
        """Return the service's view of a user, or None when the service does not know the user.

        first: before calls that are not. within: as for `set_microsoft`.
        """
        try:
            user = await self._call(
                wire.GET_TEAMS_USER,
                _GET,
                USER.validate_json,
                ids={"id": user_id},
                first=first,
                within=within,
            )
        except NotFoundError:
            return None
        if user.object_id != user_id.casefold():
            wrong = "the answer is about somebody else"
            raise ContractError("Teams", str(wire.GET_TEAMS_USER), wrong)
        self._learn([user])
        known = user.acp_info is not None or await self._reads_providers()
        return user.to_domain(provider_known=known)

    async def conferencing_user(
        self, user_id: str, *, within: float | None = None
    ) -> ConferencingUser:
        """Return conference ID, numbers and bridge of a user on Microsoft, before calls that are not begun.

        within: as for `set_microsoft`.
        NotFoundError: the user is not a conferencing user. ContractError: the answer lacks conference ID
        or bridge, or is about somebody else.
        """
        call = wire.GET_CONFERENCING_USER
        found = await self._call(
            call,
            "Get-CsOnlineDialInConferencingUser",
            CpcUser.model_validate_json,
            ids={"id": user_id},
            first=True,
            within=within,
        )
        if found.identity != user_id:
            raise ContractError("Teams", str(call), "the answer is about another user")
        return found.to_domain()

    async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        """Yield all users page by page, from the beginning or from a page's `link`.

        ListingError: the listing cannot be trusted; see `shared.clients.teams_listing`. ExpiredError:
        the service refuses a next page.
        """
        place = Place.of(start or "", self._page_size)
        link = start or str(self._first_page(place.size))
        restarts = place.before > 0 and place.listed == 0
        guessed = False
        trail = self._trail(place.size)
        while link:
            here = link.partition("#")[0]
            try:
                page = await self._read_page(here)
            except RejectedError as error:
                if here == str(self._first_page(place.size)):
                    raise
                # How the service says that a token has expired is not known.
                raise trail.expired(error.detail) from None
            following = trail.next(page, here)
            if guessed and self._tells_providers:
                # What the pages so far did not tell was no silence of the service.
                place, guessed, restarts = Place(place.size, before=place.before), False, True
                link, trail = str(self._first_page(place.size)), self._trail(place.size)
                continue
            guessed = guessed or (bool(page.items) and not self._tells_providers)
            if following:
                place = place.after(page.size)
                link = place.on(following)
            elif not place.is_cut_off(page.size):
                if place.has_shrunk(page.size):
                    raise trail.error(f"of {place.before} users it has {place.listed + page.size}")
                link = ""
            elif place.before:
                raise trail.error("it ends on a full page, with two page sizes")
            else:
                place = place.again(page.size)
                link, trail = place.on(str(self._first_page(place.size))), self._trail(place.size)
            users = TeamsUser.all_to_domain(page.items, provider_known=self._tells_providers)
            yield TeamsPage(users, link or None, page.faults, restarts)
            restarts = place.before > 0 and place.listed == 0

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
        """Make Microsoft the user's provider; with `replace`, instead of a third party.

        number, toll_free: default numbers (E.164, +), else the service chooses. bridge: the one they
        are on, see `bridge_of`. send_email: mail the user. Harmless when repeated, but for the mail.
        within: LateTurnError when there was no turn for the call after so many seconds; it was not made.
        NotFoundError: the service has not provisioned the user. RejectedError carries its code.
        TransientError: it may have happened or not. It is not tried again here, because the caller
        has to check first what there is to save now.
        """
        body: dict[str, Any] = {"sendEmail": send_email}
        if replace:
            body["replaceProvider"] = True
        if number:
            body["serviceNumber"] = number
        if toll_free:
            body["tollFreeServiceNumber"] = toll_free
        if bridge:
            # A number is accepted only with its own bridge, and the user's may be another one.
            body["bridgeId"] = bridge
        call = wire.REPLACE_PROVIDER if replace else wire.SET_USER
        try:
            found = await self._call(
                call,
                "Set-CsOnlineDialInConferencingUser",
                SetAnswer.read,
                ids={"id": user_id},
                json=body,
                tries=1,
                first=True,
                within=within,
            )
        except ContractError as error:
            # The service took the call; what it did is not known.
            raise InvalidResponseError("Teams", str(call), error.detail) from None
        if found and found != user_id.casefold():
            raise InvalidResponseError("Teams", str(call), "the answer is about somebody else")

    def check_takes(self, request: MoveRequest) -> None:
        """Take every request: the admin API has a call for each part of one."""

    async def providers(self) -> list[Provider]:
        """Return the tenant's third-party providers."""
        return await self._list(
            wire.LIST_PROVIDERS, "Get-CsAudioConferencingProvider", PROVIDER.validate_python
        )

    async def bridge_numbers(self) -> list[BridgeNumber]:
        """Return the numbers of all bridges."""
        bridges = await self._list(
            wire.LIST_BRIDGES, "Get-CsOnlineDialInConferencingBridge", BRIDGE.validate_python
        )
        found: list[BridgeNumber] = []
        for bridge in bridges:
            numbers, faults = elements(bridge.service_numbers, NUMBER.validate_python)
            self._service.report(wire.LIST_BRIDGES, faults)
            found += [each.to_domain(bridge.identity) for each in numbers]
        return found

    async def switches(self) -> TenantSwitches:
        """Return the tenant-wide switches for the side effects of a move."""
        found = await self._call(
            wire.TENANT_SETTINGS,
            "Get-CsOnlineDialInConferencingTenantSettings",
            SETTINGS.validate_json,
        )
        return found[0].to_domain()

    async def probe(self) -> None:
        """Read one user, as work does; raises ServiceError when Teams does not answer."""
        await self._call(
            wire.LIST_TEAMS_USERS, _GET, _USERS, params={"pagesize": "1", "select": "objectId"}
        )

    async def bridge_of(self, number: str) -> str:
        """Return the id of a number's bridge; InputError: the number is on no bridge.

        The numbers are read once per process, and again when a number is not among them.
        """
        known = self._numbers
        if not any(each.number == number for each in known):
            async with self._reading_numbers:
                if self._numbers is known:  # nobody has read them while this one waited
                    self._numbers = await self.bridge_numbers()
        return bridge_of(number, self._numbers)

    async def _list[T](self, call: Call, cmdlet: str, read: Callable[[Any], T]) -> list[T]:
        found, faults = await self._call(call, cmdlet, list_reader(read))
        self._service.report(call, faults)
        return found

    async def _call[T](
        self, call: Call, cmdlet: str, parse: Callable[[bytes], T], **request: Any
    ) -> T:
        began = self._clock.monotonic()
        found = await self._discover()
        if request.get("within") is not None:
            request["within"] -= self._clock.monotonic() - began
        headers = {
            "X-MS-Target-Uri": f"https://{found.endpoints.admin_service_endpoint}/",
            "X-MS-Forest": found.headers.forest,
            "X-MS-CmdletName": cmdlet,
            "X-MS-Correlation-Id": str(uuid.uuid4()),
        }
        try:
            return await self._service.call(call, parse, headers=headers, **request)
        except ServiceError as error:
            if not isinstance(error, ThrottledError) and self._age() > _MINUTE:
                # It may be what is known of the tenant's region that is wrong.
                self._discovery = None
            raise

    async def _discover(self) -> Discovery:
        """Return what discovery said, at most a day ago."""
        async with self._discovering:
            if self._discovery is None or self._age() > _DAY:
                self._discovery = await self._service.call(
                    wire.DISCOVER, Discovery.model_validate_json
                )
                self._discovered_at = self._clock.monotonic()
            return self._discovery

    def _age(self) -> float:
        return self._clock.monotonic() - self._discovered_at

    def _first_page(self, size: int) -> httpx.URL:
        address = self._service.origin.join(wire.LIST_TEAMS_USERS.path())
        return address.copy_merge_params({"pagesize": str(size), "select": wire.USER_FIELDS})

    def _trail(self, size: int) -> Trail:
        call = wire.LIST_TEAMS_USERS
        first = self._first_page(size)

        def resolve(given: str) -> str:
            link = continuation(first, given)
            if link is None:
                raise trail.error("the link to the next page leads to another host")
            return link

        trail = Trail(self._service.name, str(call), resolve)
        return trail

    async def _read_page(self, link: str) -> Page[TeamsUser]:
        page = await self._call(wire.LIST_TEAMS_USERS, _GET, _USERS, url=link)
        self._learn(page.items)
        return page

    def _learn(self, users: Sequence[TeamsUser]) -> None:
        """Learn from an answer whether the service tells providers, and which features there are."""
        self._tells_providers = self._tells_providers or any(
            user.acp_info is not None for user in users
        )
        distinct = {user.feature_types for user in users}
        found = {name for features in distinct for name in unknown(features)}
        now = self._clock.monotonic()
        for name in sorted(found)[:_SAMPLE]:
            if now - self._features.get(name, float("-inf")) >= _DAY:
                self._features[name] = now
                self._service.log.write(UnknownFeature(feature=name))

    async def _reads_providers(self) -> bool:
        """Return whether the service tells providers: some user's, or nobody's.

        A user whose entries are missing has no provider where it tells those of others. Where it tells
        nobody's, it is asked again after an hour.
        """
        asked = self._clock.monotonic() - self._asked_for_providers
        if not self._tells_providers and asked > _HOUR:
            await self._read_page(str(self._first_page(min(_SAMPLE, self._page_size))))
            self._asked_for_providers = self._clock.monotonic()
        return self._tells_providers
