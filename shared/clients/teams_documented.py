"""Documented mode: users' conferencing by documented Graph calls alone. Nothing is set.

Graph tells who is provisioned, not by which provider. Third-party providers ended in 2019, so a user with
the feature *AudioConferencing* is a conferencing user of Microsoft.

Sources: "List userConfigurations", "Get teamsUserConfiguration" and "teamsUserConfiguration resource type"
(Microsoft Graph v1.0; global cloud only; no published limit of a page and no throttling figures).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NoReturn

from shared.clients import wire
from shared.clients.configuration_snapshot import read_switches
from shared.clients.graph_batch import Batches, check_subject
from shared.clients.graph_models import GraphModel
from shared.clients.http import ServiceClient
from shared.clients.pages import page_reader
from shared.clients.teams_models import Account, Features
from shared.clients.together import Together
from shared.clients.values import Guid
from shared.clock import Clock
from shared.domain.bridges import BridgeNumber
from shared.domain.listing import Provider, TeamsPage, TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.user import ConferencingUser, ServiceUser
from shared.errors import ConflictError, NotFoundError, ServiceError

_FIELDS: Final = "id,userPrincipalName,accountType,featureTypes"
_PREFER: Final = {"Prefer": "include-unknown-enum-members"}
"""Without it Graph says `unknownFutureValue` for the account types that were added later."""

_LONGEST_PAGE: Final = 999
"""Most users per page, as in Graph's other listings: none is published for this one."""


class UserConfiguration(GraphModel):
    """Graph's teamsUserConfiguration, the fields that matter."""

    id: Guid
    user_principal_name: str | None = None
    account_type: str | None = None
    feature_types: Features = ()

    def to_domain(self) -> ServiceUser:
        """Return the service's view of the user, whose provider is not told."""
        its = Account.of(self.account_type, self.feature_types)
        return ServiceUser(
            id=self.id,
            upn=self.user_principal_name or "",
            account_type=its.kind,
            type_name=its.type_name,
            ready=its.ready,
            is_room=its.is_room,
            provider_known=False,
        )


_USERS: Final = page_reader(UserConfiguration)


class DocumentedTeams:
    """What the services need of Teams, by documented calls; the rest is refused with the reason.

    service: Graph. page_size: users per page of the listing, at most 999. tries: attempts at an inner
    request of a batch.
    """

    def __init__(self, service: ServiceClient, clock: Clock, tries: int, page_size: int) -> None:
        self._service = service
        self._clock = clock
        self._batches = Batches(service, clock, tries)
        self._page_size = min(page_size, _LONGEST_PAGE)
        self._users = Together(self._read_users)

    async def user(self, user_id: str, **_: object) -> ServiceUser | None:
        """Return the service's view of a user, or None when Teams does not know the user.

        Users who are asked for at the same time, such as those of one message, share a batch. No set
        depends on the read, and the order of turns does not matter.
        """
        found = await self._users.ask(user_id)
        if isinstance(found, NotFoundError):
            return None
        if isinstance(found, ServiceError):
            raise found
        return found

    async def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        """Yield all users page by page, from the beginning or from a page's `link`.

        ListingError: the listing cannot be trusted, see `ServiceClient.pages`.
        """
        async for page in self._service.pages(
            wire.LIST_CONFIGURATIONS,
            _USERS,
            url=start,
            params={"$select": _FIELDS, "$top": str(self._page_size)},
            headers=_PREFER | {"x-ms-throttle-priority": "low"},
        ):
            link = page.next if isinstance(page.next, str) else None
            yield TeamsPage([user.to_domain() for user in page.items], link, page.faults)

    async def probe(self) -> None:
        """Request one user; raises ServiceError when Graph does not answer or refuses."""
        params = {"$select": "id", "$top": "1"}
        await self._service.call(wire.LIST_CONFIGURATIONS, _USERS, params=params, headers=_PREFER)

    async def switches(self) -> TenantSwitches | None:
        """Return None: a snapshot would take minutes; `snapshot_switches` makes one, once a day."""
        return None

    async def snapshot_switches(self) -> TenantSwitches | None:
        """Return the tenant-wide switches, by a configuration snapshot; None: not permitted, not known."""
        return await read_switches(self._service, self._clock)

    async def set_microsoft(self, user_id: str, **_: object) -> None:  # noqa: ARG002
        """Refuse: no documented call sets a provider."""
        _refuse("no documented call sets a provider")

    def check_takes(self, request: MoveRequest) -> None:
        """Refuse mails, and users by their provider: both would end well and do nothing."""
        if request.options.send_email:
            _refuse("send_email: no documented call mails users their numbers")
        if request.users is None:
            _refuse("no documented call tells the users of third-party providers")

    async def providers(self) -> list[Provider]:
        """Refuse: no documented call lists providers."""
        _refuse("no documented call lists third-party providers")

    async def bridge_numbers(self) -> list[BridgeNumber]:
        """Refuse: no documented call assigns a default number."""
        _refuse("no documented call assigns default numbers")

    async def conferencing_user(self, user_id: str, **_: object) -> ConferencingUser:  # noqa: ARG002
        """Refuse: no documented call shows a conferencing user."""
        _refuse("no documented call shows conference IDs")

    async def bridge_of(self, number: str) -> str:
        """Refuse, see `bridge_numbers`."""
        _refuse(f"number {number}: no documented call assigns default numbers")

    async def _read_users(self, ids: Sequence[str]) -> dict[str, ServiceUser | ServiceError]:
        return await self._batches.ask({user: _question(user) for user in ids}, _read_user)


def _refuse(reason: str) -> NoReturn:
    raise ConflictError(f"{reason}; ACP_TEAMS_API is documented: set it to admin for that")


def _question(user: str) -> dict[str, object]:
    path = wire.GET_CONFIGURATION.path(id=user).removeprefix("/v1.0")
    return {"method": "GET", "url": f"{path}?$select={_FIELDS}", "headers": _PREFER}


def _read_user(user_id: str, body: bytes) -> ServiceUser:
    user = UserConfiguration.model_validate_json(body)
    check_subject(right=user.id == user_id.casefold())
    return user.to_domain()
