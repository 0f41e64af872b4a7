"""Microsoft Graph client: licenses, listings of licensed users, and the change subscription."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from pydantic import TypeAdapter

from shared.clients import wire
from shared.clients.graph_batch import Batches
from shared.clients.graph_groups import GraphGroups, unknown_group
from shared.clients.graph_models import (
    DeltaPage,
    Subscription,
    SubscriptionPage,
    User,
    UserIdPage,
)
from shared.clients.http import ServiceClient
from shared.clock import Clock
from shared.domain.listing import ChangePage
from shared.domain.service_plans import CONFERENCING_PLANS, ROOM_PLANS
from shared.domain.subscription import GraphSubscription
from shared.domain.user import DirectoryUser
from shared.errors import ExpiredError, NotFoundError, RejectedError, ServiceError

_SELECT = "id,userPrincipalName,userType,usageLocation,assignedPlans"
_DELTA_SELECT = "id,assignedPlans"
_PAGE = "999"
_EVENTUAL = {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "low"}


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
        self._batches = Batches(service, clock, tries)
        self._groups = (
            GraphGroups(self._batches, clock, groups, excluded_groups) if groups else None
        )

    async def users(self, ids: Sequence[str]) -> Mapping[str, DirectoryUser | ServiceError]:
        """Return each of at most 20 users, or the error of that user.

        One batch; inner requests that are throttled or fail are retried alone, a limited number of
        times. Raises ServiceError only when the batch as a whole failed.
        """
        found = await self._batches.ask({user: _question(user) for user in ids}, _read_user)
        return await self._groups.of(found) if self._groups else found

    async def licensed_ids(self, *, rooms: bool) -> AsyncIterator[list[str]]:
        """Yield, page by page, the ids of all users with an enabled conferencing plan.

        rooms: include users with a Teams Rooms plan. One listing, however many plans there are.
        """
        text = _any_of(CONFERENCING_PLANS)
        if not rooms:
            text = f"({text}) and not ({_any_of(ROOM_PLANS)})"
        params: dict[str, str] | None = {
            "$count": "true",
            "$top": _PAGE,
            "$select": "id",
            "$filter": text,
        }
        url: str | None = None
        while params or url:
            page = await self._service.call(
                wire.LIST_USERS,
                UserIdPage.model_validate_json,
                url=url,
                params=params,
                headers=_EVENTUAL,
            )
            yield [user.id for user in page.value]
            url, params = page.next_link, None

    async def probe(self) -> None:
        """Request one user id; raises ServiceError when Graph does not answer or refuses."""
        params = {"$top": "1", "$select": "id"}
        await self._service.call(wire.LIST_USERS, UserIdPage.model_validate_json, params=params)

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
        created = await self._service.call(
            wire.CREATE_SUBSCRIPTION, Subscription.model_validate_json, json=body
        )
        return created.to_domain()

    async def renew_subscription(
        self, subscription_id: str, expires: datetime
    ) -> GraphSubscription:
        """Extend a subscription until `expires`. NotFoundError: it no longer exists."""
        renewed = await self._service.call(
            wire.RENEW_SUBSCRIPTION,
            Subscription.model_validate_json,
            ids={"id": subscription_id},
            json={"expirationDateTime": _timestamp(expires)},
        )
        return renewed.to_domain()

    async def subscriptions(self) -> list[GraphSubscription]:
        """Return all subscriptions of this app."""
        found: list[GraphSubscription] = []
        url: str | None = None
        while True:
            page = await self._service.call(
                wire.LIST_SUBSCRIPTIONS, SubscriptionPage.model_validate_json, url=url
            )
            found += [each.to_domain() for each in page.value]
            url = page.next_link
            if url is None:
                return found

    async def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription. NotFoundError: it no longer exists."""
        await self._service.call(
            wire.DELETE_SUBSCRIPTION, lambda _: None, ids={"id": subscription_id}
        )

    async def latest_delta_link(self) -> str:
        """Return the link from which `changes` reports what happens after now."""
        params = {"$select": _DELTA_SELECT, "$deltatoken": "latest"}
        page = await self._service.call(wire.DELTA, DeltaPage.model_validate_json, params=params)
        while page.delta_link is None:
            page = await self._service.call(
                wire.DELTA, DeltaPage.model_validate_json, url=page.next_link
            )
        return page.delta_link

    async def changes(self, link: str) -> AsyncIterator[ChangePage]:
        """Yield the pages of changes since `link`; the last one carries the next delta link.

        ExpiredError: Graph no longer accepts the link (410, or any 4xx such as
        `syncStateNotFound`, "Use delta query to track changes in Microsoft Graph data").
        """
        url: str | None = link
        while url:
            try:
                page = await self._service.call(wire.DELTA, DeltaPage.model_validate_json, url=url)
            except (RejectedError, NotFoundError) as error:
                raise ExpiredError("Graph", str(wire.DELTA), error.detail, error.code) from None
            # A link to another host must not be stored: no later run could use it.
            self._service.check_link(wire.DELTA, page.next_link or page.delta_link or "")
            yield page.to_domain()
            url = page.next_link

    async def members(self, group: str) -> AsyncIterator[list[str]]:
        """Yield, page by page, the ids of the users in a group, including nested groups.

        SettingsError: there is no such group. Source: "List group transitive members".
        """
        params: dict[str, str] | None = {"$count": "true", "$top": _PAGE, "$select": "id"}
        url: str | None = None
        while params or url:
            try:
                page = await self._service.call(
                    wire.GROUP_MEMBERS,
                    UserIdPage.model_validate_json,
                    url=url,
                    ids={"id": group},
                    params=params,
                    headers=_EVENTUAL,
                )
            except NotFoundError:
                raise unknown_group(group) from None
            yield [user.id for user in page.value]
            url, params = page.next_link, None

    async def reprocess(self, user_id: str) -> None:
        """Ask Graph to reprocess the user's license assignment."""
        await self._service.call(wire.REPROCESS, lambda _: None, ids={"id": user_id})


def _question(user: str) -> dict[str, object]:
    return {"method": "GET", "url": f"/users/{quote(user, safe='@')}?$select={_SELECT}"}


def _read_user(body: bytes) -> DirectoryUser:
    return _USER.validate_json(body).to_domain()


_USER = TypeAdapter(User)


def _any_of(plans: Iterable[str]) -> str:
    """Return the filter for users with one of these plans enabled ("Advanced query capabilities")."""
    return " or ".join(
        f"assignedPlans/any(p:p/servicePlanId eq {plan} and p/capabilityStatus eq 'Enabled')"
        for plan in plans
    )


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
