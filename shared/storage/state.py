"""Table `state`: the app's own state: subscription, delta link, leases."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.domain.capabilities import Capabilities, Known
from shared.domain.listing import TenantSwitches
from shared.domain.pause import Pause, RequestedBy
from shared.domain.run import SweepRequest
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import StaleError, UnreadableRowError
from shared.storage.rows import clipped, field, json_field
from shared.storage.tables import Table

_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
STATE: Final = "state"
_SUBSCRIPTION: Final = "subscription"
_DELTA: Final = "delta"
_SWEEP: Final = "sweep"
_RELEASED: Final = "released-sweep"
_OPEN_RUNS: Final = "open-run"
EXCLUDED: Final = "excluded-ids"
_PROTECTION: Final = "protection"
_CAPABILITIES: Final = "capabilities"
_KNOWN: Final = ("providers", "bridges", "documented", "replace")
_FAULTS: Final = "rule-faults"
_SWEEP_REQUEST: Final = "sweep-request"
_PAUSE: Final = "pause"
_LICENSED: Final = "licensed"
_LONGEST_LEASE: Final = timedelta(days=1)
_MOST_FAULTS: Final = 20
"""Of the rules; so many fit into a row, and a person mends them one by one."""
ACTIONS: Final = "actions"
"""Partition of what people did; the rows sort by time."""


class StateTable:
    """Reader and writer of table `state`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._leases: dict[tuple[str, str], str] = {}
        """ETags of the rows of our leases, by name and owner."""

    async def probe(self) -> None:
        """Read an entity; StorageError when the storage does not answer."""
        await self._table.get(STATE, _SUBSCRIPTION)

    async def subscription(self) -> ChangeSubscription | None:
        """Return the stored subscription, or None; a damaged row counts as none."""
        try:
            return await self._table.find(STATE, _SUBSCRIPTION, _decode_subscription)
        except UnreadableRowError:
            return None

    async def save_subscription(
        self, subscription: ChangeSubscription, before: ChangeSubscription | None
    ) -> None:
        """Store the subscription in place of `before`; StaleError: another one is stored by now."""
        entity: dict[str, Any] = {
            "secrets": json.dumps([asdict(secret) for secret in subscription.secrets]),
            "subscription_id": subscription.subscription_id,
        }
        if subscription.created_at and subscription.expires_at:
            entity |= {"created_at": subscription.created_at, "expires_at": subscription.expires_at}
        await self._swap(_SUBSCRIPTION, entity, before, _decode_subscription)

    async def delta_link(self) -> str | None:
        """Return where the next catch-up resumes, or None before the first.

        UnreadableRowError: it is damaged, so that nobody knows which changes were seen.
        """
        return await self._table.find(STATE, _DELTA, _decode_link)

    async def delta_at(self) -> datetime | None:
        """Return when the last catch-up came to its end (UTC), or None."""
        row = await self._table.get(STATE, _DELTA)
        if row is None:
            return None
        done = row.get("completed_at", row.metadata["timestamp"])  # of older versions: the latter
        return done if isinstance(done, datetime) else None

    async def save_delta_link(
        self, link: str, before: str | None, completed_at: datetime | None = None
    ) -> None:
        """Store where the next catch-up resumes, in place of `before`.

        completed_at: when all changes were read, if they were. StaleError: another catch-up stored
        another link meanwhile.
        """
        entity: dict[str, Any] = {"link": link}
        if completed_at:
            entity["completed_at"] = completed_at
        await self._swap(_DELTA, entity, before, _decode_link, merge=True)

    async def current_sweep(self) -> str | None:
        """Return the id of the unfinished sweep, or None."""
        row = await self._table.get(STATE, _SWEEP)
        return None if row is None else _decode_current(dict(row))

    async def save_current_sweep(self, run: str | None, before: str | None) -> None:
        """Store the id of the unfinished sweep in place of `before`; None: there is none.

        StaleError: another one is stored by now.
        """
        await self._swap(_SWEEP, {"run": run or ""}, before, _decode_current)

    async def sweep_request(self) -> SweepRequest | None:
        """Return the requested sweep, or None."""
        row = await self._table.get(STATE, _SWEEP_REQUEST)
        return None if row is None else _decode_request(dict(row))

    async def request_sweep(self) -> None:
        """Request a sweep, also if the app crashes meanwhile; one that is under way does not serve it."""
        await self._table.merge(
            {"PartitionKey": STATE, "RowKey": _SWEEP_REQUEST, "wanted": True, "served_by": ""}
        )

    async def save_sweep_request(
        self, request: SweepRequest | None, before: SweepRequest | None
    ) -> None:
        """Store a request in place of `before`; None: it is served. StaleError: it is another by now."""
        wanted = request or SweepRequest()
        entity: dict[str, Any] = {
            "wanted": request is not None,
            "served_by": wanted.run,
            "failures": wanted.failures,
        }
        if wanted.not_before:
            entity["not_before"] = wanted.not_before
        await self._swap(_SWEEP_REQUEST, entity, before, _decode_request)

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

    async def open_runs(self) -> list[str]:
        """Return the ids of the runs whose results are counted again, oldest first."""
        rows = self._table.query("PartitionKey eq @list", {"list": _OPEN_RUNS})
        return [str(row["RowKey"]) async for row in rows]

    async def add_open_run(self, run: str) -> None:
        """Have a run's results counted until everybody has an outcome."""
        await self._table.merge({"PartitionKey": _OPEN_RUNS, "RowKey": run})

    async def remove_open_run(self, run: str) -> None:
        """Count a run's results no more."""
        await self._table.delete(_OPEN_RUNS, run)

    async def excluded_ids(self) -> Mapping[str, str]:
        """Return the ids of the users who are excluded by name, as they were found first.

        UnreadableRowError: the row is damaged; nobody may be changed then.
        """
        return await self._table.find(STATE, EXCLUDED, _decode_map) or {}

    async def save_excluded_ids(self, ids: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Remember the ids of the users who are excluded by name, in place of `before`.

        StaleError: others were remembered meanwhile.
        """
        entity = {"value": json.dumps(dict(ids))}
        known = dict(before) or None
        await self._swap(EXCLUDED, entity, known, lambda row: _decode_map(row) or None)

    async def protection(self) -> Mapping[str, str] | None:
        """Return what the app's protecting settings are, or None before it stored them."""
        return await self._table.find(STATE, _PROTECTION, _decode_map)

    async def save_protection(self, settings: Mapping[str, str]) -> None:
        """Remember what the app's protecting settings are."""
        await self._save_json(_PROTECTION, dict(settings))

    async def rule_faults(self) -> Sequence[str]:
        """Return what the last check of the rules found wrong."""
        return await self._table.find(STATE, _FAULTS, _decode_texts) or []

    async def save_rule_faults(self, faults: Sequence[str]) -> None:
        """Remember what a check of the rules found wrong."""
        await self._save_json(_FAULTS, [clipped(fault, 1_000) for fault in faults[:_MOST_FAULTS]])

    async def capabilities(self) -> Capabilities | None:
        """Return what the service tells and takes, as found last; None: not yet, or by a later version."""
        return await self._table.find(STATE, _CAPABILITIES, _decode_capabilities)

    async def save_capabilities(self, found: Capabilities) -> None:
        """Remember what the service tells and takes."""
        value = {**asdict(found), "looked_at": found.looked_at.isoformat()}
        await self._save_json(_CAPABILITIES, value)

    async def add_action(self, what: str, who: str, detail: str, now: datetime) -> None:
        """Remember who did what; detail: without the name of anybody else."""
        key = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        row = {"PartitionKey": ACTIONS, "RowKey": key, "what": what, "who": who, "detail": detail}
        await self._table.insert({**row, "at": now})

    async def pause(self) -> Pause | None:
        """Return the pause, or None: changes are permitted.

        StorageError (UnreadableRowError: a damaged row): not known, so nobody may be changed.
        """
        return await self._table.find(STATE, _PAUSE, _decode_pause)

    async def save_pause(self, pause: Pause | None, by: RequestedBy, now: datetime) -> None:
        """Store a pause, or its end (None); by, now: who asked for that and when."""
        await self._table.replace(
            {
                "PartitionKey": STATE,
                "RowKey": _PAUSE,
                "paused": pause is not None,
                "note": clipped(pause.note) if pause else "",
                "by_name": by.name,
                "by_id": by.id,
                "since": now,
            }
        )

    async def licensed(self) -> int | None:
        """Return how many users were licensed at the last sweep; None: before the first, or not readable."""
        try:
            return await self._table.find(STATE, _LICENSED, _decode_count)
        except UnreadableRowError:
            return None

    async def save_licensed(self, count: int) -> None:
        """Remember how many users are licensed."""
        await self._save_json(_LICENSED, count)

    async def _save_json(self, name: str, value: object) -> None:
        await self._table.replace(
            {"PartitionKey": STATE, "RowKey": name, "value": json.dumps(value)}
        )

    async def _swap[Value](
        self,
        name: str,
        entity: Mapping[str, Any],
        before: Value | None,
        decode: Callable[[dict[str, Any]], Value | None],
        *,
        merge: bool = False,
    ) -> None:
        """Write a row only while it holds `before` (None: nothing, or a damaged row).

        merge: keep its other properties. StaleError: it holds something else.
        """
        keys = {"PartitionKey": STATE, "RowKey": name}
        row = await self._table.get(STATE, name)
        if row is None:
            written = before is None and await self._table.insert({**entity, **keys})
        else:
            try:
                held = self._table.decode(row, decode)
            except UnreadableRowError:
                held = None
            write = self._table.merge_if_unchanged if merge else self._table.replace_if_unchanged
            written = held == before and await write({**entity, **keys}, str(row.metadata["etag"]))
        if not written:
            raise StaleError(f"state {name!r}: somebody else has just written it")

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
            etag = "" if renew else await self._table.insert(entity)
        else:
            ends = row.get("until")
            # Nobody holds a damaged one, nor one that would end later than any lease does.
            taken = isinstance(ends, datetime) and now < ends <= now + max(span, _LONGEST_LEASE)
            if row.get("owner") != owner and (renew or taken):
                return False
            etag = await self._table.replace_if_unchanged(entity, str(row.metadata["etag"]))
        if etag:
            self._leases[name, owner] = etag
        return bool(etag)

    async def release(self, name: str, owner: str, now: datetime) -> None:
        """Release the lease, if it is still ours."""
        key = f"lease-{name}"
        entity = {"PartitionKey": STATE, "RowKey": key, "owner": owner, "until": now}
        etag = self._leases.pop((name, owner), "")
        if etag and await self._table.replace_if_unchanged(entity, etag):
            return
        # Another's by now, or ours by a renewal whose answer was lost.
        row = await self._table.get(STATE, key)
        if row is not None and row.get("owner") == owner:
            await self._table.replace_if_unchanged(entity, str(row.metadata["etag"]))


def _decode_subscription(row: dict[str, Any]) -> ChangeSubscription:
    found = [
        Secret(
            client_state=field(item, "client_state", str),
            subscription_id=field(item, "subscription_id", str, ""),
            valid_until=field(item, "valid_until", str, ""),
        )
        for item in json_field(row, "secrets", list)
    ]
    for secret in found:
        secret.is_valid(_ANY_TIME)
    return ChangeSubscription(
        secrets=tuple(found),
        subscription_id=field(row, "subscription_id", str),
        created_at=field(row, "created_at", datetime, None),
        expires_at=field(row, "expires_at", datetime, None),
    )


def _decode_pause(row: dict[str, Any]) -> Pause | None:
    by = RequestedBy(field(row, "by_name", str), field(row, "by_id", str))
    pause = Pause(field(row, "note", str), by, field(row, "since", datetime))
    return pause if field(row, "paused", bool) else None


def _decode_count(row: dict[str, Any]) -> int:
    return json_field(row, "value", int)


def _decode_capabilities(row: dict[str, Any]) -> Capabilities | None:
    """Return what was found; None for a row that is damaged or of a later version: it is found again."""
    try:
        found = json.loads(row["value"])
        switches = found.get("switches")
        return Capabilities(
            api=found["api"],
            looked_at=datetime.fromisoformat(found["looked_at"]),
            **{name: Known(found[name]) for name in _KNOWN if name in found},
            set_verb=found.get("set_verb", ""),
            switches=TenantSwitches(**switches) if switches else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _decode_link(row: dict[str, Any]) -> str:
    if not (link := field(row, "link", str)):
        raise ValueError("no link")
    return link


def _decode_current(row: dict[str, Any]) -> str | None:
    """Return the run; None, too, where the row is damaged: another sweep does what that one began."""
    run = row.get("run")
    return run if isinstance(run, str) and run else None


def _decode_request(row: dict[str, Any]) -> SweepRequest | None:
    """Return the request; a damaged row is one: a sweep too many does no harm, one too few does."""
    if row.get("wanted", True) is False:
        return None
    try:
        return SweepRequest(
            field(row, "served_by", str, ""),
            field(row, "failures", int, 0),
            field(row, "not_before", datetime, None),
        )
    except TypeError:
        return SweepRequest()


def _decode_map(row: dict[str, Any]) -> dict[str, str]:
    found = json_field(row, "value", dict)
    return {name: field(found, name, str) for name in found}


def _decode_texts(row: dict[str, Any]) -> list[str]:
    return [str(text) for text in json_field(row, "value", list)]
