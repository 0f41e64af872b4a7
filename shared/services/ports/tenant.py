"""Ports to the tenant: its directory, its conferencing, and the rules that come from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from shared.domain.options import DEFAULT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from shared.domain.bridges import BridgeNumber
    from shared.domain.decision import Rules
    from shared.domain.listing import ChangePage, Provider, TeamsPage, TenantSwitches
    from shared.domain.move_request import MoveRequest
    from shared.domain.options import MoveOptions
    from shared.domain.subscription import GraphSubscription
    from shared.domain.user import ConferencingUser, DirectoryUser, ServiceUser
    from shared.errors import ServiceError


Wait = Callable[[float], Awaitable[bool]]
"""Waits the seconds that a service asks for, where a call does not, so that a listing goes on where it was;
False: that is too long."""


class Groups(Protocol):
    """The part of Graph for group memberships."""

    def members(self, group: str, wait: Wait | None = None) -> AsyncIterator[list[str]]:
        """Yield the ids of a group's users, page by page; SettingsError: no such group."""
        ...


class Subscriptions(Protocol):
    """The part of Graph for change subscriptions."""

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        """Subscribe `url` to changes of users."""
        ...

    async def renew_subscription(
        self, subscription_id: str, expires: datetime
    ) -> GraphSubscription:
        """Extend a subscription; NotFoundError: it is gone."""
        ...

    async def subscriptions(self) -> list[GraphSubscription]:
        """Return all subscriptions of this app."""
        ...

    async def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription; NotFoundError: it is gone."""
        ...


class Directory(Groups, Subscriptions, Protocol):
    """Microsoft Graph."""

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        """Return each of at most 20 users, or the error of that user."""
        ...

    def licensed_ids(self, *, rooms: bool, wait: Wait | None = None) -> AsyncIterator[list[str]]:
        """Yield the ids of all licensed users, with or without rooms, page by page."""
        ...

    async def latest_delta_link(self) -> str:
        """Return the link from which `changes` reports what happens after now."""
        ...

    def changes(self, link: str) -> AsyncIterator[ChangePage]:
        """Yield the pages of changes since `link`; ExpiredError: the link is too old."""
        ...

    async def reprocess(self, user_id: str) -> None:
        """Ask Graph to reprocess the user's license assignment."""
        ...


class Bridges(Protocol):
    """The part of Teams for the tenant's conference bridges."""

    async def bridge_numbers(self) -> list[BridgeNumber]:
        """Return the numbers of all bridges."""
        ...


class Tenant(Bridges, Protocol):
    """The part of Teams for tenant-wide data."""

    def check_takes(self, request: MoveRequest) -> None:
        """Raise ConflictError when this service cannot do what a request asks for."""
        ...

    async def providers(self) -> list[Provider]:
        """Return the tenant's third-party providers."""
        ...

    async def switches(self) -> TenantSwitches | None:
        """Return the tenant-wide switches that decide which side effects a move has; None: not known."""
        ...


class Conferencing(Protocol):
    """The part of Teams for users and their provider entries."""

    async def user(
        self, user_id: str, *, first: bool = False, within: float | None = None
    ) -> ServiceUser | None:
        """Return the service's view of a user, or None. first: before calls that are not `first`.

        within: as for `set_microsoft`.
        """
        ...

    def pages(self, start: str | None = None) -> AsyncIterator[TeamsPage]:
        """Yield all users, page by page, from the beginning or from a page's link."""
        ...

    async def conferencing_user(
        self, user_id: str, *, within: float | None = None
    ) -> ConferencingUser:
        """Return what Microsoft's conferencing has of a user, before calls that are not begun.

        NotFoundError: the user is not a conferencing user. within: as for `set_microsoft`.
        """
        ...

    async def bridge_of(self, number: str) -> str:
        """Return the id of a number's bridge; InputError: the number is on no bridge."""
        ...

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
        """Make Microsoft the user's provider, before calls that are not begun.

        LateTurnError: the call did not get its turn within so many seconds; it was not made.
        """
        ...


class RuleSource(Protocol):
    """The rules as they hold now."""

    async def current(self, options: MoveOptions = DEFAULT_OPTIONS) -> Rules:
        """Return the rules of a run with these options, and with the bridges of the numbers in them.

        ServiceError, StorageError: not known, so nobody may be changed.
        """
        ...
