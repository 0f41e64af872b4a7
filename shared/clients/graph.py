"""Microsoft Graph client: licenses, listings of licensed users, and the change subscription."""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import datetime

from shared.clients import wire
from shared.clients.graph_batch import Batches
from shared.clients.graph_counts import count_users
from shared.clients.graph_groups import GraphGroups, unknown_group
from shared.clients.graph_models import DeltaUser, Subscription, UserId
from shared.clients.graph_names import find_users
from shared.clients.http import ServiceClient
from shared.clients.pages import Page, page_reader
from shared.clock import Clock
from shared.domain.listing import ChangePage
from shared.domain.service_plans import CONFERENCING_PLANS, NO_PERSON_PLANS
from shared.domain.subscription import GraphSubscription
from shared.domain.user import DirectoryUser
from shared.errors import ContractError, ExpiredError, NotFoundError, RejectedError, ServiceError

_DELTA_SELECT = "id,assignedPlans"
_PAGE = "999"
_EVENTUAL = {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "low"}
_REPLAYS = 100
"""Pages of changes that may begin with the same user: Graph documents that it repeats changes."""

_USER_IDS = page_reader(UserId)
_SUBSCRIPTIONS = page_reader(Subscription)
_CHANGES = page_reader(DeltaUser)


class GraphClient:
    """The calls to Graph that the services need, in the domain's types.

    groups: object ids of at most 20 groups; licensed users are returned with those they belong to.
    excluded_groups: those that have to exist and be readable, or no user is returned.
    """

    def __init__(
        self,
        service: ServiceClient,
        clock: Clock,
        tries: int,
        groups: Sequence[str] = (),
        excluded_groups: Collection[str] = (),
    ) -> None:
        self._service = service
        self._clock = clock
        self._batches = Batches(service, clock, tries)
        self._groups = (
            GraphGroups(self._batches, clock, groups, excluded_groups) if groups else None
        )

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        """Return each of at most 20 users, or the error of that user.

        ids: user ids, or addresses; see `find_users`. One batch, and one more for addresses that are no
        user names; inner requests that are throttled or fail are retried alone, a limited number of
        times. Raises ServiceError only when a batch as a whole failed.
        """
        found = await find_users(self._batches, ids)
        return await self._groups.of(found) if self._groups else found

    async def licensed_ids(
        self, *, rooms: bool, wait: Callable[[float], Awaitable[bool]] | None = None
    ) -> AsyncIterator[list[str]]:
        """Yield, page by page, the ids of all users with an enabled conferencing plan.

        rooms: include accounts with a plan of rooms or resource accounts. One listing, however many
        plans there are. wait: see `ServiceClient.pages`.
        """
        params = {
            "$count": "true",
            "$top": _PAGE,
            "$select": "id",
            "$filter": licensed_filter(rooms=rooms),
        }
        async for page in self._service.pages(
            wire.LIST_USERS, _USER_IDS, params=params, headers=_EVENTUAL, wait=wait
        ):
            yield [user.id for user in page.items]

    async def probe(self) -> None:
        """Request one user id; raises ServiceError when Graph does not answer or refuses."""
        params = {"$top": "1", "$select": "id"}
        await self._service.call(wire.LIST_USERS, _USER_IDS, params=params)

    async def create_subscription(
        self, url: str, client_state: str, expires: datetime
    ) -> GraphSubscription:
        """Subscribe `url` to changes of users until `expires` (at most 41,760 minutes ahead)."""
        body = {
            "changeType": "updated",
            "resource": "users",
            "notificationUrl": url,
            "lifecycleNotificationUrl": url,
            "expirationDateTime": _timestamp(expires),
            "clientState": client_state,
        }
        return await self._service.call(
            wire.CREATE_SUBSCRIPTION, self._read_subscription, json=body
        )

    async def renew_subscription(
        self, subscription_id: str, expires: datetime
    ) -> GraphSubscription:
        """Extend a subscription until `expires`. NotFoundError: it no longer exists."""
        renewed = await self._service.call(
            wire.RENEW_SUBSCRIPTION,
            self._read_subscription,
            ids={"id": subscription_id},
            json={"expirationDateTime": _timestamp(expires)},
        )
        if renewed.id.casefold() != subscription_id.casefold():
            wrong = "the answer is about another subscription"
            raise ContractError("Graph", str(wire.RENEW_SUBSCRIPTION), wrong)
        return renewed

    async def subscriptions(self) -> list[GraphSubscription]:
        """Return all subscriptions of this app."""
        now = self._clock.now()
        pages = self._service.pages(wire.LIST_SUBSCRIPTIONS, _SUBSCRIPTIONS)
        return [each.to_domain(now) async for page in pages for each in page.items]

    async def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription. NotFoundError: it no longer exists."""
        await self._service.call(
            wire.DELETE_SUBSCRIPTION, lambda _: None, ids={"id": subscription_id}
        )

    async def latest_delta_link(self) -> str:
        """Return the link from which `changes` reports what happens after now."""
        params = {"$select": _DELTA_SELECT, "$deltatoken": "latest"}
        async for page in self._service.pages(
            wire.DELTA, _CHANGES, repeats=_REPLAYS, params=params
        ):
            if link := self._delta_link(page):
                return link
        raise AssertionError("the last page of changes has a delta link")

    async def changes(self, link: str) -> AsyncIterator[ChangePage]:
        """Yield the pages of changes since `link`; the last one carries the next delta link.

        ExpiredError: Graph no longer accepts the link (410, or any 4xx such as
        `syncStateNotFound`, "Use delta query to track changes in Microsoft Graph data").
        """
        try:
            self._service.check_link(wire.DELTA, link)
        except ContractError as error:
            # Stored under another address of Graph: no attempt can ever use it again.
            raise ExpiredError("Graph", str(wire.DELTA), error.detail) from None
        try:
            async for page in self._service.pages(wire.DELTA, _CHANGES, repeats=_REPLAYS, url=link):
                users = [user.to_domain() for user in page.items]
                following = page.next if isinstance(page.next, str) else None
                yield ChangePage(users, self._delta_link(page), following, len(page.faults))
        except (RejectedError, NotFoundError) as error:
            raise ExpiredError("Graph", str(wire.DELTA), error.detail, error.code) from None

    def _read_subscription(self, body: bytes) -> GraphSubscription:
        return Subscription.model_validate_json(body).to_domain(self._clock.now())

    def _delta_link(self, page: Page[DeltaUser]) -> str | None:
        """Return the delta link of the last page, None on the others; ContractError: there is none."""
        if page.next is not None:
            return None
        link = page.rest.get("@odata.deltaLink")
        if not isinstance(link, str) or not link:
            detail = "@odata.nextLink or @odata.deltaLink is needed"
            raise ContractError("Graph", str(wire.DELTA), detail)
        # A link to another host must not be stored: no later run could use it.
        self._service.check_link(wire.DELTA, link)
        return link

    async def members(
        self, group: str, wait: Callable[[float], Awaitable[bool]] | None = None
    ) -> AsyncIterator[list[str]]:
        """Yield, page by page, the ids of the users in a group, including nested groups. wait: as above.

        SettingsError: there is no such group. Source: "List group transitive members".
        """
        params = {"$count": "true", "$top": _PAGE, "$select": "id"}
        try:
            async for page in self._service.pages(
                wire.GROUP_MEMBERS,
                _USER_IDS,
                ids={"id": group},
                params=params,
                headers=_EVENTUAL,
                wait=wait,
            ):
                yield [user.id for user in page.items]
        except NotFoundError:
            raise unknown_group(group) from None

    async def count_users(self, whom: Sequence[str]) -> Mapping[str, int]:
        """Return how many users each has: group ids, usage locations, `*`; see `graph_counts`."""
        return await count_users(self._batches, whom, _any_of(CONFERENCING_PLANS))

    async def reprocess(self, user_id: str) -> None:
        """Ask Graph to reprocess the user's license assignment."""
        await self._service.call(wire.REPROCESS, lambda _: None, ids={"id": user_id})


def licensed_filter(*, rooms: bool) -> str:
    """Return the filter for users with an enabled conferencing plan, with rooms or without."""
    text = _any_of(CONFERENCING_PLANS)
    return text if rooms else f"({text}) and not ({_any_of(NO_PERSON_PLANS)})"


def _any_of(plans: Iterable[str]) -> str:
    """Return the filter for users with one of these plans enabled ("Advanced query capabilities")."""
    return " or ".join(
        f"assignedPlans/any(p:p/servicePlanId eq {plan} and p/capabilityStatus eq 'Enabled')"
        for plan in plans
    )


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
