"""The subscriptions to changes of users, and the rules for what one may look like.

Sources: https://learn.microsoft.com/graph/api/resources/subscription,
https://learn.microsoft.com/graph/change-notifications-overview (limits of users: at most 41,760
minutes; `updated` also covers created and soft-deleted users, `deleted` those deleted for good)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from local.tenant.clock import stamp
from local.tenant.errors import GraphError

MAX_MINUTES = 41_760
MIN_MINUTES = 45
MAX_CLIENT_STATE = 128
EVENT_GRID = "EventGrid:"
_EVENT_GRID_NEEDS = ("azuresubscriptionid", "resourcegroup", "partnertopic", "location")
_CREATABLE = frozenset(
    {
        "changeType",
        "resource",
        "notificationUrl",
        "lifecycleNotificationUrl",
        "expirationDateTime",
        "clientState",
        "latestSupportedTlsVersion",
        "includeResourceData",
    }
)


@dataclass(slots=True)
class Subscription:
    """One subscription; `expires` in seconds since 1970, `change_types` e.g. {"updated"}."""

    id: str
    change_types: frozenset[str]
    resource: str
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: float
    change_type_text: str

    @property
    def event_grid(self) -> bool:
        """Whether notifications go to Event Grid instead of a webhook."""
        return self.notification_url.lower().startswith(EVENT_GRID.lower())

    def as_json(self, app_id: str, *, secret: bool = False) -> dict[str, object]:
        """The subscription as Graph shows it; `clientState` only in the answer to its creation."""
        return {
            "id": self.id,
            "resource": self.resource,
            "applicationId": app_id,
            "changeType": self.change_type_text,
            "clientState": self.client_state if secret else None,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "notificationQueryOptions": None,
            "expirationDateTime": stamp(self.expires),
            "creatorId": app_id,
            "includeResourceData": False,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }


def invalid(message: str) -> GraphError:
    """The refusal of a subscription."""
    return GraphError(400, "InvalidRequest", message)


def read_expiration(value: object, now: float) -> float:
    """An expirationDateTime in seconds since 1970, moved up to 45 minutes ahead if it is sooner.

    Raises GraphError when it is no date, in the past, or later than the resource allows.
    """
    if not isinstance(value, str):
        raise invalid("expirationDateTime is required.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise invalid(f"expirationDateTime {value!r} is not a date.") from None
    expires = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if expires <= now:
        raise invalid("Subscription expiration must be in the future.")
    # A minute of grace: the client's clock made the date before the request was on its way.
    if expires > now + MAX_MINUTES * 60 + 60:
        raise invalid(f"Subscription expiration can only be {MAX_MINUTES} minutes in the future.")
    return max(expires, now + MIN_MINUTES * 60)


def read_subscription(body: Mapping[str, object], new_id: str, now: float) -> Subscription:
    """The subscription that a POST asks for; raises GraphError naming what is wrong."""
    unknown = sorted(set(body) - _CREATABLE - {"@odata.type", "id"})
    if unknown:
        raise invalid(f"Unknown property {unknown[0]!r}.")
    text = _text(body, "changeType", needed=True)
    change_types = frozenset(part.strip().lower() for part in str(text).split(","))
    if not change_types <= {"updated", "deleted"}:
        raise invalid(f"changeType {text!r} is not supported for users: use updated or deleted.")
    resource = str(_text(body, "resource", needed=True))
    if resource.strip("/").lower() != "users":
        raise invalid(f"resource {resource!r} is not supported.")
    client_state = _text(body, "clientState")
    if client_state is not None and len(client_state) > MAX_CLIENT_STATE:
        raise invalid(f"clientState must not be longer than {MAX_CLIENT_STATE} characters.")
    if body.get("includeResourceData"):
        raise invalid("includeResourceData is not supported for users.")
    return Subscription(
        id=new_id,
        change_types=change_types,
        resource=resource,
        notification_url=read_url(_text(body, "notificationUrl", needed=True), "notificationUrl"),
        lifecycle_url=(
            read_url(body["lifecycleNotificationUrl"], "lifecycleNotificationUrl")
            if body.get("lifecycleNotificationUrl") is not None
            else None
        ),
        client_state=client_state,
        expires=read_expiration(body.get("expirationDateTime"), now),
        change_type_text=str(text),
    )


def read_url(value: object, name: str) -> str:
    """A webhook address or a complete EventGrid: address; raises GraphError naming the property."""
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string.")
    if value.lower().startswith(EVENT_GRID.lower()):
        given = {key.lower() for key in parse_qs(value.partition("?")[2])}
        missing = [part for part in _EVENT_GRID_NEEDS if part not in given]
        if missing:
            raise invalid(f"{name} lacks {', '.join(missing)}.")
        return value
    parts = urlsplit(value)
    # Graph insists on https; on one machine there is only http.
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise invalid(f"{name} must be an https address or an EventGrid: address.")
    return value


def _text(body: Mapping[str, object], name: str, *, needed: bool = False) -> str | None:
    value = body.get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} must be a non-empty string.")
    return value
