"""The rules for subscriptions and the shape of notifications."""

from datetime import UTC, datetime, timedelta

import pytest

from local.tenant.errors import GraphError
from local.tenant.notifications.payloads import Notice, as_cloud_event, as_notification
from local.tenant.notifications.subscriptions import Subscription, read_subscription

NOW = 1_790_000_000.0
EVENT_GRID = "EventGrid:?azuresubscriptionid=a&resourcegroup=b&partnertopic=c&location=d"


def at(minutes: float) -> str:
    """A date so many minutes from now."""
    return (datetime.fromtimestamp(NOW, UTC) + timedelta(minutes=minutes)).isoformat()


def body(**changes: object) -> dict[str, object]:
    """A good subscription with some properties changed."""
    return {
        "changeType": "updated",
        "resource": "users",
        "notificationUrl": "http://127.0.0.1:7071/api/notifications?code=k",
        "expirationDateTime": at(60),
        "clientState": "s",
        **changes,
    }


def read(**changes: object) -> Subscription:
    """That subscription, read."""
    return read_subscription(body(**changes), "id", NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resource": "/users"},
        {"changeType": "updated,deleted"},
        {"expirationDateTime": at(41_760)},
        {"clientState": "s" * 128},
        {"notificationUrl": EVENT_GRID, "lifecycleNotificationUrl": EVENT_GRID},
        {"latestSupportedTlsVersion": "v1_2"},
        {"expirationDateTime": at(60).replace("+00:00", "Z")},
    ],
)
def test_good_subscriptions_are_taken(changes: dict[str, object]) -> None:
    """Up to the limits, with both kinds of address."""
    assert read(**changes).id == "id"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"changeType": "created"}, "changeType"),
        ({"changeType": None}, "changeType"),
        ({"resource": "groups"}, "resource"),
        ({"resource": None}, "resource"),
        ({"expirationDateTime": at(41_762)}, "41760"),
        ({"expirationDateTime": at(-1)}, "future"),
        ({"expirationDateTime": "tomorrow"}, "expirationDateTime"),
        ({"expirationDateTime": None}, "expirationDateTime"),
        ({"clientState": "s" * 129}, "clientState"),
        ({"notificationUrl": "ftp://x"}, "notificationUrl"),
        ({"notificationUrl": "EventGrid:?resourcegroup=b"}, "azuresubscriptionid"),
        ({"lifecycleNotificationUrl": 5}, "lifecycleNotificationUrl"),
        ({"includeResourceData": True}, "includeResourceData"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_subscriptions_are_refused_by_name(changes: dict[str, object], text: str) -> None:
    """400, and the message says which property."""
    with pytest.raises(GraphError, match=text) as caught:
        read(**changes)
    assert caught.value.status == 400


def test_a_very_near_expiry_is_moved_ahead() -> None:
    """Less than 45 minutes become 45, as documented."""
    assert read(expirationDateTime=at(1)).expires == NOW + 45 * 60


def test_the_client_state_is_shown_once() -> None:
    """In the answer to the creation, and never again."""
    subscription = read(clientState="secret")
    assert subscription.as_json("app", secret=True)["clientState"] == "secret"
    assert subscription.as_json("app")["clientState"] is None


def notice(lifecycle: str | None = None, change: str = "updated") -> Notice:
    """A notice about user u."""
    return Notice("n", read(), "u", change, NOW, lifecycle)


def test_a_notification_has_the_published_shape() -> None:
    """Every field of the documented body, with the tenant's values."""
    assert as_notification(notice(), "t") == {
        "id": "n",
        "subscriptionId": "id",
        "subscriptionExpirationDateTime": "2026-09-21T15:13:20Z",
        "clientState": "s",
        "changeType": "updated",
        "resource": "Users/u",
        "tenantId": "t",
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.User",
            "@odata.id": "Users/u",
            "id": "u",
            "organizationId": "t",
            "eventTime": "2026-09-21T14:13:20.0000000Z",
            "sequenceNumber": 0,
        },
    }


def test_a_lifecycle_notification_has_no_change() -> None:
    """No changeType and no resource, only the event."""
    shown = as_notification(notice("reauthorizationRequired"), "t")
    assert shown["lifecycleEvent"] == "reauthorizationRequired"
    assert not {"changeType", "resource", "resourceData"} & set(shown)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (notice(), "Microsoft.Graph.UserUpdated"),
        (notice(change="deleted"), "Microsoft.Graph.UserDeleted"),
        (notice("reauthorizationRequired"), "Microsoft.Graph.SubscriptionReauthorizationRequired"),
    ],
)
def test_a_cloud_event_wraps_the_notification(given: Notice, kind: str) -> None:
    """CloudEvents 1.0 with the notification's fields as data."""
    event = as_cloud_event(given, "t", "a")
    assert event["type"] == kind
    assert event["specversion"] == "1.0"
    assert event["source"] == "/tenants/t/applications/a"
    assert event["data"] == as_notification(given, "t")
