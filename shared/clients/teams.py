"""Teams admin API client: users with their provider entries, and setting Microsoft as provider."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

from shared.clients import wire
from shared.clients.http import ServiceClient
from shared.clients.teams_models import (
    BRIDGES,
    PROVIDERS,
    SETTINGS,
    CpcUser,
    Discovery,
    TeamsUser,
    read_page,
)
from shared.clients.wire import Call
from shared.domain.bridges import BridgeNumber, bridge_of
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import ContractError, NotFoundError


class TeamsClient:
    """The calls to Teams that the services need, in the domain's types.

    page_size: users per page of the listing.
    """

    def __init__(self, service: ServiceClient, page_size: int) -> None:
        self._service = service
        self._page_size = page_size
        self._discovery: Discovery | None = None
        self._numbers: list[BridgeNumber] = []
        self._discovering = asyncio.Lock()

    async def user(self, user_id: str, *, first: bool = False) -> ServiceUser | None:
        """Return the service's view of a user, or None when the service does not know the user.

        first: before calls that are not.
        """
        try:
            user = await self._call(
                wire.GET_TEAMS_USER,
                "Get-CsOnlineUser",
                TeamsUser.model_validate_json,
                ids={"id": user_id},
                first=first,
            )
        except NotFoundError:
            return None
        return user.to_domain()

    async def conferencing_user(self, user_id: str) -> ConferencingUser:
        """Return conference ID, numbers and bridge of a user on Microsoft, before calls that are not begun.

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
        )
        if found.identity != user_id:
            raise ContractError("Teams", str(call), "the answer is about another user")
        return found.to_domain()

    async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        """Yield all users page by page, from the beginning or from a page's `link`."""
        link = start
        params: dict[str, str] | None = {
            "pagesize": str(self._page_size),
            "select": wire.USER_FIELDS,
        }
        while True:
            page = await self._call(
                wire.LIST_TEAMS_USERS,
                "Get-CsOnlineUser",
                read_page,
                url=link,
                params=None if link else params,
            )
            yield page
            link = page.next_link
            if link is None:
                return

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
        await self._call(
            wire.REPLACE_PROVIDER if replace else wire.SET_USER,
            "Set-CsOnlineDialInConferencingUser",
            lambda _: None,
            ids={"id": user_id},
            json=body,
            tries=1,
            first=True,
            within=within,
        )

    async def providers(self) -> list[Provider]:
        """Return the tenant's third-party providers."""
        return await self._call(
            wire.LIST_PROVIDERS, "Get-CsAudioConferencingProvider", PROVIDERS.validate_json
        )

    async def bridge_numbers(self) -> list[BridgeNumber]:
        """Return the numbers of all bridges."""
        bridges = await self._call(
            wire.LIST_BRIDGES, "Get-CsOnlineDialInConferencingBridge", BRIDGES.validate_json
        )
        return [
            each.to_domain(bridge.identity) for bridge in bridges for each in bridge.service_numbers
        ]

    async def switches(self) -> TenantSwitches:
        """Return the tenant-wide switches for the side effects of a move."""
        found = await self._call(
            wire.TENANT_SETTINGS,
            "Get-CsOnlineDialInConferencingTenantSettings",
            SETTINGS.validate_json,
        )
        return found[0].to_domain()

    async def probe(self) -> None:
        """Repeat service discovery; raises ServiceError when Teams does not answer."""
        await self._service.call(wire.DISCOVER, Discovery.model_validate_json)

    async def bridge_of(self, number: str) -> str:
        """Return the id of a number's bridge; InputError: the number is on no bridge.

        The numbers are read once per process, and again when a number is not among them.
        """
        if not any(each.number == number for each in self._numbers):
            self._numbers = await self.bridge_numbers()
        return bridge_of(number, self._numbers)

    async def _call[T](
        self, call: Call, cmdlet: str, parse: Callable[[bytes], T], **request: Any
    ) -> T:
        found = await self._discover()
        headers = {
            "X-MS-Target-Uri": f"https://{found.endpoints.admin_service_endpoint}/",
            "X-MS-Forest": found.headers.forest,
            "X-MS-CmdletName": cmdlet,
            "X-MS-Correlation-Id": str(uuid.uuid4()),
        }
        return await self._service.call(call, parse, headers=headers, **request)

    async def _discover(self) -> Discovery:
        async with self._discovering:
            if self._discovery is None:
                self._discovery = await self._service.call(
                    wire.DISCOVER, Discovery.model_validate_json
                )
            return self._discovery
