"""Table `state`: the app's own state: subscription, delta link, leases."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.pause import Pause, RequestedBy
from shared.domain.subscription import ChangeSubscription, Secret
from shared.storage.tables import Table

_PARTITION: Final = "state"
_SUBSCRIPTION: Final = "subscription"
_DELTA: Final = "delta"
_SWEEP: Final = "sweep"
_RELEASED: Final = "released-sweep"
_EXCLUDED: Final = "excluded-ids"
_PROTECTION: Final = "protection"
_FAULTS: Final = "rule-faults"
_SWEEP_REQUEST: Final = "sweep-request"
_PAUSE: Final = "pause"
_LICENSED: Final = "licensed"


class StateTable:
    """Reader and writer of table `state`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def probe(self) -> None:
        """Read an entity; StorageError when the storage does not answer."""
        await self._table.get(_PARTITION, _SUBSCRIPTION)

    async def subscription(self) -> ChangeSubscription | None:
        """Return the stored subscription, or None."""
        row = await self._table.get(_PARTITION, _SUBSCRIPTION)
        if row is None:
            return None
        return ChangeSubscription(
            secrets=tuple(Secret(**item) for item in json.loads(row["secrets"])),
            subscription_id=row["subscription_id"],
            created_at=row.get("created_at"),
            expires_at=row.get("expires_at"),
        )

    async def save_subscription(self, subscription: ChangeSubscription) -> None:
        """Store the subscription."""
        entity: dict[str, Any] = {
            "PartitionKey": _PARTITION,
            "RowKey": _SUBSCRIPTION,
            "secrets": json.dumps([asdict(secret) for secret in subscription.secrets]),
            "subscription_id": subscription.subscription_id,
        }
        if subscription.created_at and subscription.expires_at:
            entity |= {"created_at": subscription.created_at, "expires_at": subscription.expires_at}
        await self._table.replace(entity)

    async def delta_link(self) -> str | None:
        """Return where the next catch-up resumes, or None before the first."""
        row = await self._table.get(_PARTITION, _DELTA)
        return str(row["link"]) if row else None

    async def delta_at(self) -> datetime | None:
        """Return when the delta link was stored (UTC, by the storage's clock), or None."""
        row = await self._table.get(_PARTITION, _DELTA)
        return row.metadata["timestamp"] if row else None

    async def save_delta_link(self, link: str) -> None:
        """Store where the next catch-up resumes."""
        await self._table.replace({"PartitionKey": _PARTITION, "RowKey": _DELTA, "link": link})

    async def current_sweep(self) -> str | None:
        """Return the id of the unfinished sweep, or None."""
        row = await self._table.get(_PARTITION, _SWEEP)
        return str(row["run"]) or None if row else None

    async def save_current_sweep(self, run: str | None) -> None:
        """Store the id of the unfinished sweep; None: there is none."""
        await self._table.merge({"PartitionKey": _PARTITION, "RowKey": _SWEEP, "run": run or ""})

    async def sweep_requested(self) -> bool:
        """Return whether a sweep is requested."""
        row = await self._table.get(_PARTITION, _SWEEP_REQUEST)
        return bool(row["wanted"]) if row else False

    async def request_sweep(self, wanted: bool = True) -> None:
        """Request a sweep, also if the app crashes meanwhile; False: it was begun."""
        await self._table.merge(
            {"PartitionKey": _PARTITION, "RowKey": _SWEEP_REQUEST, "wanted": wanted}
        )

    async def released_sweeps(self) -> list[str]:
        """Return the ids of the released runs, oldest first."""
        rows = self._table.query("PartitionKey eq @list", {"list": _RELEASED})
        return [str(row["RowKey"]) async for row in rows]

    async def add_released_sweep(self, run: str) -> None:
        """Store the id of a released run."""
        await self._table.merge({"PartitionKey": _RELEASED, "RowKey": run})

    async def remove_released_sweep(self, run: str) -> None:
        """Remove a released run: it is done."""
        await self._table.delete(_RELEASED, run)

    async def excluded_ids(self) -> Mapping[str, str]:
        """Return the ids of the users who are excluded by name, as they were found first."""
        found: dict[str, str] = await self._json(_EXCLUDED) or {}
        return found

    async def save_excluded_ids(self, ids: Mapping[str, str]) -> None:
        """Remember the ids of the users who are excluded by name."""
        await self._save_json(_EXCLUDED, dict(ids))

    async def protection(self) -> Mapping[str, str] | None:
        """Return what the app's protecting settings are, or None before it stored them."""
        found: dict[str, str] | None = await self._json(_PROTECTION)
        return found

    async def save_protection(self, settings: Mapping[str, str]) -> None:
        """Remember what the app's protecting settings are."""
        await self._save_json(_PROTECTION, dict(settings))

    async def rule_faults(self) -> Sequence[str]:
        """Return what the last check of the rules found wrong."""
        found: list[str] = await self._json(_FAULTS) or []
        return found

    async def save_rule_faults(self, faults: Sequence[str]) -> None:
        """Remember what a check of the rules found wrong."""
        await self._save_json(_FAULTS, list(faults))

    async def pause(self) -> Pause | None:
        """Return the pause, or None: changes are permitted. StorageError: not known."""
        row = await self._table.get(_PARTITION, _PAUSE)
        if row is None or not row["paused"]:
            return None
        return Pause(row["note"], RequestedBy(row["by_name"], row["by_id"]), row["since"])

    async def save_pause(self, pause: Pause | None, by: RequestedBy, now: datetime) -> None:
        """Store a pause, or its end (None); by, now: who asked for that and when."""
        await self._table.replace(
            {
                "PartitionKey": _PARTITION,
                "RowKey": _PAUSE,
                "paused": pause is not None,
                "note": pause.note if pause else "",
                "by_name": by.name,
                "by_id": by.id,
                "since": now,
            }
        )

    async def licensed(self) -> int | None:
        """Return how many users were licensed at the last sweep, or None before the first."""
        found: int | None = await self._json(_LICENSED)
        return found

    async def save_licensed(self, count: int) -> None:
        """Remember how many users are licensed."""
        await self._save_json(_LICENSED, count)

    async def _json(self, name: str) -> Any:
        row = await self._table.get(_PARTITION, name)
        return json.loads(row["value"]) if row else None

    async def _save_json(self, name: str, value: object) -> None:
        await self._table.replace(
            {"PartitionKey": _PARTITION, "RowKey": name, "value": json.dumps(value)}
        )

    async def acquire(
        self, name: str, owner: str, now: datetime, span: timedelta, *, renew: bool = False
    ) -> bool:
        """Take the lease `name` until `now + span`; False while another holder has it.

        renew: only if no other holder has taken it since. A lease expires, so a killed holder blocks
        others for at most `span`.
        """
        key = f"lease-{name}"
        entity = {
            "PartitionKey": _PARTITION,
            "RowKey": key,
            "owner": owner,
            "until": now + span,
        }
        row = await self._table.get(_PARTITION, key)
        if row is None:
            return not renew and await self._table.insert(entity)
        if row["owner"] != owner and (renew or row["until"] > now):
            return False
        return await self._table.replace_if_unchanged(entity, str(row.metadata["etag"]))

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Release the lease, if it is still ours."""
        row = await self._table.get(_PARTITION, f"lease-{name}")
        if row is not None and row["owner"] == owner:
            row["until"] = now
            await self._table.replace_if_unchanged(row, str(row.metadata["etag"]))
