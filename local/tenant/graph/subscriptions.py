"""`/subscriptions`: create with the handshake, read, renew, delete.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions
"""

from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.users import not_found
from local.tenant.graph.writes import read_object
from local.tenant.notifications.notifier import Notifier
from local.tenant.notifications.subscriptions import (
    Subscription,
    invalid,
    read_expiration,
    read_subscription,
    read_url,
)
from local.tenant.tenant import Tenant


class GraphSubscriptions:
    """The subscriptions of the one application that the tenant knows."""

    def __init__(self, tenant: Tenant, notifier: Notifier) -> None:
        self._tenant = tenant
        self._notifier = notifier

    async def create(self, call: Call) -> Answer:
        """A new subscription, once its addresses have echoed a token."""
        now = self._tenant.clock.now()
        new = read_subscription(read_object(call), self._tenant.new_id(), now)
        self._refuse_duplicate(new)
        await self._validate(new.notification_url)
        if new.lifecycle_url and new.lifecycle_url != new.notification_url:
            await self._validate(new.lifecycle_url)
        self._refuse_duplicate(new)  # another request may have won while this one waited
        self._notifier.subscriptions[new.id] = new
        return self._show(call, new, 201, secret=True)

    def list_all(self, call: Call) -> Answer:
        """All live subscriptions."""
        app_id = self._tenant.app_id
        value = [sub.as_json(app_id) for sub in self._notifier.live()]
        where = f"{call.base}/v1.0/$metadata#subscriptions"
        return Answer(200, {"@odata.context": where, "value": value})

    def get(self, call: Call) -> Answer:
        """One subscription."""
        return self._show(call, self._find(call))

    async def renew(self, call: Call) -> Answer:
        """Change the expiration, which also reauthorises, or the address."""
        found = self._find(call)
        body = read_object(call)
        unknown = sorted(set(body) - {"expirationDateTime", "notificationUrl", "@odata.type", "id"})
        if unknown:
            raise invalid(f"The property {unknown[0]!r} cannot be updated.")
        expires = found.expires
        if "expirationDateTime" in body:
            expires = read_expiration(body["expirationDateTime"], self._tenant.clock.now())
        if "notificationUrl" in body:
            url = read_url(body["notificationUrl"], "notificationUrl")
            await self._validate(url)
            found.notification_url = url
        found.expires = expires
        return self._show(call, found)

    def delete(self, call: Call) -> Answer:
        """End a subscription."""
        del self._notifier.subscriptions[self._find(call).id]
        return Answer(204)

    def _find(self, call: Call) -> Subscription:
        key = call.params["id"].lower()
        for subscription in self._notifier.live():
            if subscription.id == key:
                return subscription
        raise not_found(call.params["id"])

    def _show(
        self, call: Call, subscription: Subscription, status: int = 200, *, secret: bool = False
    ) -> Answer:
        where = f"{call.base}/v1.0/$metadata#subscriptions/$entity"
        shown = subscription.as_json(self._tenant.app_id, secret=secret)
        return Answer(status, {"@odata.context": where, **shown})

    def _refuse_duplicate(self, new: Subscription) -> None:
        for other in self._notifier.live():
            if (
                other.resource.strip("/").lower() == new.resource.strip("/").lower()
                and other.change_types == new.change_types
            ):
                raise GraphError(
                    409,
                    "Conflict",
                    f"Subscription Id {other.id} already exists for the requested combination.",
                )

    async def _validate(self, url: str) -> None:
        if url.lower().startswith("eventgrid:"):
            return
        problem = await self._notifier.validate(url)
        if problem:
            raise GraphError(
                400, "ValidationError", f"Subscription validation request failed. {problem}"
            )
