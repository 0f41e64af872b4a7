"""The change subscription: the app's record of it, and Graph's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

LONGEST_SUBSCRIPTION: Final = timedelta(minutes=41_760)
"""Graph's limit for users (29 days); source: "subscription resource type", Microsoft Graph."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A `clientState` that notifications may carry.

    subscription_id: empty while the subscription is being created: notifications may arrive before
    Graph's answer does. valid_until: ISO 8601 UTC; empty: until it is replaced. One that is still
    without a subscription always has an end.
    """

    client_state: str = field(repr=False)
    subscription_id: str = ""
    valid_until: str = ""

    def is_valid(self, now: datetime) -> bool:
        """Whether the secret is still valid."""
        return not self.valid_until or datetime.fromisoformat(self.valid_until) > now

    def opens(self, subscription_id: str, now: datetime) -> bool:
        """Whether a notification of a subscription may carry it now.

        That of a creation in progress opens any subscription, but only until its end: one without an
        end (of an older version, whose creation was refused) opens none.
        """
        if not self.subscription_id and not self.valid_until:
            return False
        return self.subscription_id in ("", subscription_id) and self.is_valid(now)


@dataclass(frozen=True, slots=True)
class ChangeSubscription:
    """The app's own subscription (no id: none yet), and the secrets that are valid now."""

    secrets: tuple[Secret, ...]
    subscription_id: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GraphSubscription:
    """A subscription as Graph has it."""

    id: str
    expires_at: datetime
    notification_url: str | None = None

    def is_for(self, url: str) -> bool:
        """Whether it delivers to `url`, whatever its query (Event Grid addresses are compared whole)."""
        address = self.notification_url
        return address is not None and url in (address, address.partition("?")[0])
