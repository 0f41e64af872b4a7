"""Graph as the services see it: users and groups that lag, delta that repeats, subscriptions."""

import random
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from typing import Final

from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.subscription import GraphSubscription
from shared.domain.user import DirectoryUser
from shared.errors import ExpiredError, NotFoundError, ServiceError, ThrottledError
from shared.services.ports import Wait
from tests.simulation.line import Line
from tests.simulation.people import People

_PAGE: Final = 3
"""Small, so that few users make many pages."""

_LAG: Final = 8.0
"""Seconds that a read may lag behind the truth."""


@dataclass
class GraphWorld:
    """What Graph has, and how it misbehaves. awkward: the share of answers that are."""

    people: People
    rng: random.Random
    awkward: float = 0.0
    expired: set[str] = field(default_factory=set)
    """Delta links that Graph does not take any more."""
    live: dict[str, GraphSubscription] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    made: int = 0
    stale: int = 0

    def lag(self) -> float:
        """Return how far the next read lags behind."""
        if self.rng.random() >= self.awkward:
            return 0.0
        self.stale += 1
        return self.rng.uniform(0, _LAG)


class SimulatedGraph:
    """Graph, as one process reaches it. groups: those of the process's settings."""

    def __init__(self, world: GraphWorld, line: Line, groups: Collection[str]) -> None:
        self._world = world
        self._line = line
        self._groups = frozenset(groups)

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        if len(ids) > 20:
            raise ValueError("at most 20 users in one batch")
        return await self._line.call("users", lambda: {name: self._view(name) for name in ids})

    async def licensed_ids(
        self, *, rooms: bool, wait: Wait | None = None
    ) -> AsyncIterator[list[str]]:
        def licensed() -> list[str]:
            return [
                person.id
                for person in self._world.people
                if (state := person.seen(self._world.lag())).licensed
                and not state.deleted
                and (rooms or not state.room)
            ]

        found = await self._line.call("licensed", licensed)
        for some in batched(found, _PAGE, strict=False):
            await self._line.call("licensed", lambda: None)
            yield list(some)

    async def members(self, group: str, wait: Wait | None = None) -> AsyncIterator[list[str]]:
        yield await self._line.call(
            "members",
            lambda: [person.id for person in self._world.people if group in person.seen().groups],
        )

    async def latest_delta_link(self) -> str:
        return await self._line.call("latest", lambda: f"delta-{len(self._world.people.changes)}")

    async def changes(self, link: str) -> AsyncIterator[ChangePage]:
        if not re.fullmatch(r"delta-\d{1,9}", link):
            raise ExpiredError("Graph", "delta", "the link leads to another host")
        at = int(link.removeprefix("delta-"))
        while True:

            def page(at: int = at) -> ChangePage:
                if link in self._world.expired:
                    raise ExpiredError("Graph", "delta", "HTTP 410", status=410)
                log = self._world.people.changes
                some = log[at : at + _PAGE]
                if at and self._world.rng.random() < self._world.awkward:
                    some = [log[self._world.rng.randrange(at)], *some]
                end = at + _PAGE >= len(log)
                users = [ChangedUser(*change) for change in some]
                following = f"delta-{len(log) if end else at + _PAGE}"
                return ChangePage(users, following if end else None, None if end else following)

            found = await self._line.call("delta", page)
            yield found
            at += _PAGE
            if found.delta_link:
                return

    async def reprocess(self, user_id: str) -> None:
        await self._line.call("reprocess", lambda: self._world.people.by_id[user_id])

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        def create() -> GraphSubscription:
            self._world.made += 1
            made = GraphSubscription(f"subscription-{self._world.made}", expires, url)
            self._world.live[made.id] = made
            self._world.secrets[made.id] = client_state
            return made

        return await self._line.call("subscribe", create)

    async def renew_subscription(
        self, subscription_id: str, expires: datetime
    ) -> GraphSubscription:
        def renew() -> GraphSubscription:
            old = self._known(subscription_id)
            new = GraphSubscription(old.id, expires, old.notification_url)
            self._world.live[old.id] = new
            return new

        return await self._line.call("renew", renew)

    async def subscriptions(self) -> list[GraphSubscription]:
        return await self._line.call("subscriptions", lambda: list(self._world.live.values()))

    async def delete_subscription(self, subscription_id: str) -> None:
        await self._line.call(
            "unsubscribe", lambda: self._world.live.pop(self._known(subscription_id).id)
        )

    def _view(self, name: str) -> DirectoryUser | ServiceError:
        person = self._world.people.by_id.get(name.casefold())
        state = person.seen(self._world.lag()) if person else None
        if person is None or state is None or state.deleted:
            return NotFoundError("Graph", "POST /v1.0/$batch", "HTTP 404", status=404)
        if self._world.rng.random() < self._world.awkward / 4:
            return ThrottledError("Graph", "POST /v1.0/$batch", "HTTP 429", status=429)
        return person.in_directory(state, self._groups)

    def _known(self, subscription_id: str) -> GraphSubscription:
        if subscription_id not in self._world.live:
            raise NotFoundError("Graph", "PATCH /v1.0/subscriptions/{id}", "HTTP 404", status=404)
        return self._world.live[subscription_id]
