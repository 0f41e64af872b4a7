"""Table `state`: the app's own state: subscription, delta link, leases."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.subscription import ChangeSubscription, Secret
from shared.storage.tables import Table

STATE: Final = "state"
_SUBSCRIPTION: Final = "subscription"
_DELTA: Final = "delta"
_SWEEP: Final = "sweep"
_RELEASED: Final = "released-sweep"
EXCLUDED: Final = "excluded-ids"
_PROTECTION: Final = "protection"
_FAULTS: Final = "rule-faults"
_SWEEP_REQUEST: Final = "sweep-request"
ACTIONS: Final = "actions"
"""Partition of what people did; the rows sort by time."""


class StateTable:
    """Reader and writer of table `state`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def probe(self) -> None:
        """Read an entity; StorageError when the storage does not answer."""
        await self._table.get(STATE, _SUBSCRIPTION)

    async def subscription(self) -> ChangeSubscription | None:
        """Return the stored subscription, or None."""
        row = await self._table.get(STATE, _SUBSCRIPTION)
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
            "PartitionKey": STATE,
            "RowKey": _SUBSCRIPTION,
            "secrets": json.dumps([asdict(secret) for secret in subscription.secrets]),
            "subscription_id": subscription.subscription_id,
        }
        if subscription.created_at and subscription.expires_at:
            entity |= {"created_at": subscription.created_at, "expires_at": subscription.expires_at}
        await self._table.replace(entity)

    async def delta_link(self) -> str | None:
        """Return where the next catch-up resumes, or None before the first."""
        row = await self._table.get(STATE, _DELTA)
        return str(row["link"]) if row else None

    async def delta_at(self) -> datetime | None:
        """Return when the delta link was stored (UTC, by the storage's clock), or None."""
        row = await self._table.get(STATE, _DELTA)
        return row.metadata["timestamp"] if row else None

    async def save_delta_link(self, link: str) -> None:
        """Store where the next catch-up resumes."""
        await self._table.replace({"PartitionKey": STATE, "RowKey": _DELTA, "link": link})

    async def current_sweep(self) -> str | None:
        """Return the id of the unfinished sweep, or None."""
        row = await self._table.get(STATE, _SWEEP)
        return str(row["run"]) or None if row else None

    async def save_current_sweep(self, run: str | None) -> None:
        """Store the id of the unfinished sweep; None: there is none."""
        await self._table.merge({"PartitionKey": STATE, "RowKey": _SWEEP, "run": run or ""})

    async def sweep_requested(self) -> bool:
        """Return whether a sweep is requested."""
        row = await self._table.get(STATE, _SWEEP_REQUEST)
        return bool(row["wanted"]) if row else False

    async def request_sweep(self, wanted: bool = True) -> None:
        """Request a sweep, also if the app crashes meanwhile; False: it was begun."""
        await self._table.merge({"PartitionKey": STATE, "RowKey": _SWEEP_REQUEST, "wanted": wanted})

    async def released_sweeps(self) -> list[str]:
        """Return the ids of the released sweeps, oldest first."""
        rows = self._table.query("PartitionKey eq @list", {"list": _RELEASED})
        return [str(row["RowKey"]) async for row in rows]

    async def add_released_sweep(self, run: str) -> None:
        """Store the id of a released sweep."""
        await self._table.merge({"PartitionKey": _RELEASED, "RowKey": run})

    async def remove_released_sweep(self, run: str) -> None:
        """Remove a released sweep: it is done."""
        await self._table.delete(_RELEASED, run)

    async def excluded_ids(self) -> Mapping[str, str]:
        """Return the ids of the users who are excluded by name, as they were found first."""
        found: dict[str, str] = await self._json(EXCLUDED) or {}
        return found

    async def save_excluded_ids(self, ids: Mapping[str, str]) -> None:
        """Remember the ids of the users who are excluded by name."""
        await self._save_json(EXCLUDED, dict(ids))

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

    async def add_action(self, what: str, who: str, detail: str, now: datetime) -> None:
        """Remember who did what; detail: without the name of anybody else."""
        key = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        row = {"PartitionKey": ACTIONS, "RowKey": key, "what": what, "who": who, "detail": detail}
        await self._table.insert({**row, "at": now})

    async def _json(self, name: str) -> Any:
        row = await self._table.get(STATE, name)
        return json.loads(row["value"]) if row else None

    async def _save_json(self, name: str, value: object) -> None:
        await self._table.replace(
            {"PartitionKey": STATE, "RowKey": name, "value": json.dumps(value)}
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
            "PartitionKey": STATE,
            "RowKey": key,
            "owner": owner,
            "until": now + span,
        }
        row = await self._table.get(STATE, key)
        if row is None:
            return not renew and await self._table.insert(entity)
        if row["owner"] != owner and (renew or row["until"] > now):
            return False
        return await self._table.replace_if_unchanged(entity, str(row.metadata["etag"]))

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Release the lease, if it is still ours."""
        row = await self._table.get(STATE, f"lease-{name}")
        if row is not None and row["owner"] == owner:
            row["until"] = now
            await self._table.replace_if_unchanged(row, str(row.metadata["etag"]))
