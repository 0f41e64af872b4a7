"""Table `state`: the few single things that are remembered, such as the change subscription."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.storage.tables import Table

_PARTITION = "state"
_SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """The change subscription: its secret, and, once Graph created it, its id and its end.

    `subscription_id` is empty while Graph is being asked to create it: notifications may arrive
    before the answer does.
    """

    client_state: str
    subscription_id: str = ""
    expires_at: datetime | None = None


class StateTable:
    """Reads and writes the single things."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def probe(self) -> None:
        """Read anything; StorageError when the storage does not answer."""
        await self._table.get(_PARTITION, _SUBSCRIPTION)

    async def subscription(self) -> SubscriptionState | None:
        """Return what is known of the subscription, or None."""
        row = await self._table.get(_PARTITION, _SUBSCRIPTION)
        if row is None:
            return None
        return SubscriptionState(row["client_state"], row["subscription_id"], row.get("expires_at"))

    async def put_subscription(self, subscription: SubscriptionState) -> None:
        """Remember the subscription."""
        entity: dict[str, Any] = {
            "PartitionKey": _PARTITION,
            "RowKey": _SUBSCRIPTION,
            "client_state": subscription.client_state,
            "subscription_id": subscription.subscription_id,
        }
        if subscription.expires_at:
            entity["expires_at"] = subscription.expires_at
        await self._table.replace(entity)
