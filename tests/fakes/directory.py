"""Graph, in memory, with the awkward sides switched on by tests."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.listing import ChangePage
from shared.domain.subscription import GraphSubscription
from shared.domain.user import DirectoryUser
from shared.errors import NotFoundError, RejectedError, ServiceError, SettingsError
from shared.services.ports import Wait


@dataclass
class FakeDirectory:
    """Graph: users known by id and address in any case, and errors that meet single ones."""

    known: dict[str, DirectoryUser] = field(default_factory=dict)
    errors: dict[str, ServiceError] = field(default_factory=dict)
    down: Exception | None = None
    no_groups: set[str] = field(default_factory=set)
    """Groups of the settings that do not exist."""
    listings: int = 0
    """How often all licensed users were listed."""
    batches: int = 0
    """How often users were asked for."""
    live: dict[str, datetime] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    latest_links: int = 1
    delta_links: list[str] = field(default_factory=list)
    delta_pages: list[ChangePage] = field(default_factory=list)
    delta_error: ServiceError | None = None
    delta_fails_at: int = 0
    """The page that answers `delta_error` instead."""
    reprocessed: list[str] = field(default_factory=list)
    reprocess_error: ServiceError | None = None
    create_error: ServiceError | None = None
    one_subscription_only: bool = False
    """Whether Graph refuses a second subscription (409), as it documents."""

    def add(self, *users: DirectoryUser) -> None:
        self.known |= {user.id: user for user in users}

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        if len(ids) > 20:
            raise ValueError(f"at most 20 users in one batch, not {len(ids)}")
        self.batches += 1
        if self.down:
            raise self.down
        missing = NotFoundError("Graph", "POST /v1.0/$batch", "HTTP 404")
        addresses = {user.upn.casefold(): user for user in self.known.values()}
        everything: dict[str, DirectoryUser | ServiceError]
        everything = {**addresses, **self.known, **self.errors}
        return {name: everything.get(name.casefold(), missing) for name in ids}

    async def licensed_ids(
        self, *, rooms: bool, wait: Wait | None = None
    ) -> AsyncIterator[list[str]]:
        self.listings += 1
        if self.down:
            raise self.down
        users = self.known.values()
        yield [
            user.id
            for user in users
            if user.licensed and (rooms or not (user.is_room or user.is_resource))
        ]

    async def members(self, group: str, wait: Wait | None = None) -> AsyncIterator[list[str]]:
        if group in self.no_groups:
            raise SettingsError(f"group {group}: there is no such group")
        yield [user.id for user in self.known.values() if group in user.groups]

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        if self.create_error:
            raise self.create_error
        if self.one_subscription_only and self.live:
            raise RejectedError("Graph", "POST /v1.0/subscriptions", "HTTP 409", "Conflict", 409)
        name = f"subscription-{len(self.created) + 1}"
        self.created.append(url)
        self.live[name] = expires
        return GraphSubscription(name, expires, url)

    async def renew_subscription(
        self, subscription_id: str, expires: datetime
    ) -> GraphSubscription:
        if subscription_id not in self.live:
            raise NotFoundError("Graph", "PATCH /v1.0/subscriptions/{id}", "HTTP 404")
        self.live[subscription_id] = expires
        return self._subscription(subscription_id)

    async def subscriptions(self) -> list[GraphSubscription]:
        return [self._subscription(name) for name in self.live]

    async def delete_subscription(self, subscription_id: str) -> None:
        if self.live.pop(subscription_id, None) is None:
            raise NotFoundError("Graph", "DELETE /v1.0/subscriptions/{id}", "HTTP 404")

    async def latest_delta_link(self) -> str:
        return f"latest-{self.latest_links}"

    async def changes(self, link: str) -> AsyncIterator[ChangePage]:
        self.delta_links.append(link)
        follows = [
            number for number, page in enumerate(self.delta_pages, 1) if page.next_link == link
        ]
        first = follows[0] if follows else 0
        for number, page in enumerate(self.delta_pages[first:], first):
            if self.delta_error and number == self.delta_fails_at:
                raise self.delta_error
            yield page
        if self.delta_error and not self.delta_pages:
            raise self.delta_error

    async def reprocess(self, user_id: str) -> None:
        if self.reprocess_error:
            raise self.reprocess_error
        self.reprocessed.append(user_id)

    def _subscription(self, name: str) -> GraphSubscription:
        url = self.created[int(name.rsplit("-", 1)[1]) - 1]
        return GraphSubscription(name, self.live[name], url)
