"""What the notifications look like, to a webhook and to Event Grid.

Sources: https://learn.microsoft.com/graph/api/resources/changenotification,
https://learn.microsoft.com/graph/change-notifications-lifecycle-events,
https://learn.microsoft.com/azure/event-grid/partner-events-graph-api
"""

from dataclasses import dataclass

from local.tenant.clock import fine_stamp, stamp
from local.tenant.notifications.subscriptions import Subscription

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification for one subscriber. `lifecycle` instead of a change when it is set."""

    id: str
    subscription: Subscription
    user_id: str
    change: str
    at: float
    lifecycle: str | None = None

    @property
    def event_grid(self) -> bool:
        """Whether it goes to Event Grid."""
        return self.subscription.event_grid

    @property
    def address(self) -> str | None:
        """Where it goes; None when nobody wants it."""
        sub = self.subscription
        return sub.lifecycle_url if self.lifecycle else sub.notification_url


def as_notification(notice: Notice, tenant_id: str) -> Json:
    """The notification of a webhook."""
    sub = notice.subscription
    common: Json = {
        "subscriptionId": sub.id,
        "subscriptionExpirationDateTime": stamp(sub.expires),
        "clientState": sub.client_state,
        "tenantId": tenant_id,
    }
    if notice.lifecycle:
        return {**common, "lifecycleEvent": notice.lifecycle}
    return {
        "id": notice.id,
        **common,
        "changeType": notice.change,
        "resource": f"Users/{notice.user_id}",
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.User",
            "@odata.id": f"Users/{notice.user_id}",
            "id": notice.user_id,
            "organizationId": tenant_id,
            "eventTime": fine_stamp(notice.at),
            "sequenceNumber": 0,
        },
    }


def as_cloud_event(notice: Notice, tenant_id: str, app_id: str) -> Json:
    """The CloudEvents 1.0 event of Event Grid."""
    kind = "SubscriptionReauthorizationRequired" if notice.lifecycle else ""
    changed = "UserDeleted" if notice.change == "deleted" else "UserUpdated"
    return {
        "id": notice.id,
        "type": f"Microsoft.Graph.{kind or changed}",
        "source": f"/tenants/{tenant_id}/applications/{app_id}",
        "subject": f"Users/{notice.user_id}" if not notice.lifecycle else notice.subscription.id,
        "time": fine_stamp(notice.at),
        "datacontenttype": "application/json",
        "specversion": "1.0",
        "data": as_notification(notice, tenant_id),
    }
