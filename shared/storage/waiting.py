"""Table `waiting`: users to be tried again, and users who need attention, who are tried again too.

Partition: the first hex digit of the user id. Row: the user id, so that a user is on one list only:
property `list`, `due` or `attention`. The version before had a partition for each list instead; a row
there is read, and moves over when the user is next tried.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from shared.clock import Clock
from shared.domain.retry import Waiting, WaitReason
from shared.storage.tables import Table

_DUE: Final = "due"
_ATTENTION: Final = "attention"
_ALL: Final = "PartitionKey ge '0' and PartitionKey lt 'g'"
"""Every partition, those of the version before included."""

_TRIES: Final = 5

_ASK_AGAIN: Final = 60.0
"""Seconds after which rows of the version before are looked for again: its instances may still write some."""


class WaitingTable:
    """Reader and writer of table `waiting`."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._old_rows = False
        self._known_until = float("-inf")

    async def find_waiting(self, user_id: str) -> Waiting | None:
        """Return the user's row, or None."""
        row = await self._table.get(user_id[0], user_id)
        if row is None and await self._has_old_rows():
            row = await self._table.get(_DUE, user_id) or await self._table.get(_ATTENTION, user_id)
        return self._table.decoded(row, _decode) if row else None

    async def save_waiting(self, waiting: Waiting) -> None:
        """Write the user's row, unless a later attempt wrote it."""
        paused = waiting.cause is WaitReason.PAUSED
        entity: dict[str, Any] = {
            "PartitionKey": waiting.user_id[0],
            "RowKey": waiting.user_id,
            "list": _ATTENTION if waiting.needs_attention else _DUE,
            "upn": waiting.upn,
            # The version before knows no pause: it tries these users as after a service's fault.
            "cause": str(WaitReason.SERVICE if paused else waiting.cause),
            "paused": paused,
            "reason": waiting.reason,
            "since": waiting.since,
            "due": waiting.due,
            "looked_at": waiting.looked_at,
            "attempt": waiting.attempt,
            "failures": waiting.failures,
            "reprocessed": waiting.reprocessed,
            "operation": waiting.operation,
        }
        for _ in range(_TRIES):
            known = await self._table.get(waiting.user_id[0], waiting.user_id)
            if known is None:
                written = await self._table.insert(entity)
            elif known["looked_at"] > waiting.looked_at:
                return
            else:
                etag = str(known.metadata["etag"])
                written = await self._table.replace_if_unchanged(entity, etag)
            if written:
                break
        else:
            await self._table.replace(entity)  # others keep writing it: nobody is lost
        if await self._has_old_rows():
            for name in (_DUE, _ATTENTION):
                await self._table.delete(name, waiting.user_id)

    async def remove_waiting(self, user_id: str, looked_at: datetime) -> Waiting | None:
        """Take the user off the lists, unless an attempt later than `looked_at` wrote the row.

        Return the user's old row, or None when there was none to remove.
        """
        removed = None
        for name in (user_id[0], *((_DUE, _ATTENTION) if await self._has_old_rows() else ())):
            removed = await self._remove(name, user_id, looked_at) or removed
        return removed

    async def _remove(self, partition: str, user_id: str, looked_at: datetime) -> Waiting | None:
        for _ in range(_TRIES):
            row = await self._table.get(partition, user_id)
            if row is None or row["looked_at"] > looked_at:
                return None
            # Whoever changed it in between may have listed the user again: it is read again.
            if await self._table.delete_if_unchanged(row):
                return self._table.decoded(row, _decode)
        return None  # others keep writing it: the user stays listed, and is tried again

    async def claim(self, user_id: str, until: datetime) -> None:
        """Keep a user from being due again before `until`; no row: nothing happens."""
        claimed = await self._table.update(
            {"PartitionKey": user_id[0], "RowKey": user_id, "due": until}
        )
        if not claimed and await self._has_old_rows():
            for name in (_DUE, _ATTENTION):
                await self._table.update({"PartitionKey": name, "RowKey": user_id, "due": until})

    async def due(self, now: datetime) -> AsyncIterator[str]:
        """Yield the ids of the users who are due, whatever else their rows say."""
        # The version before gave users who need attention no due time.
        rows = self._table.query(
            f"{_ALL} and due le @now or PartitionKey eq @attention",
            {"now": now, "attention": _ATTENTION},
            ["PartitionKey", "RowKey", "due"],
        )
        async for row in rows:
            if row["PartitionKey"] in (_DUE, _ATTENTION):
                # Perhaps written just now, by an instance of that version.
                self._remember_old_rows(True)
            if (row.get("due") or now) <= now:
                yield str(row["RowKey"])

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the users who wait, due or not."""
        return self._listed(_DUE)

    def attention(self) -> AsyncIterator[Waiting]:
        """Yield the users who need attention."""
        return self._listed(_ATTENTION)

    def _listed(self, name: str) -> AsyncIterator[Waiting]:
        # Without brackets: the SDK fills in only parameters that stand between blanks.
        text = f"{_ALL} and list eq @list or PartitionKey eq @list"
        return self._table.read(text, {"list": name}, _decode)

    async def _has_old_rows(self) -> bool:
        """Return whether rows of the version before are left; asked once a minute."""
        if self._clock.monotonic() >= self._known_until:
            self._remember_old_rows(await self._any_row(_DUE) or await self._any_row(_ATTENTION))
        return self._old_rows

    async def _any_row(self, partition: str) -> bool:
        async for _ in self._table.query("PartitionKey eq @name", {"name": partition}, ["RowKey"]):
            return True
        return False

    def _remember_old_rows(self, found: bool) -> None:
        self._old_rows = found
        self._known_until = self._clock.monotonic() + _ASK_AGAIN


def _decode(row: dict[str, Any]) -> Waiting:
    name = row.get("list", row["PartitionKey"])
    return Waiting(
        user_id=row["RowKey"],
        upn=row.get("upn", ""),
        cause=WaitReason.PAUSED if row.get("paused") else WaitReason(row["cause"]),
        reason=row["reason"],
        since=row["since"],
        due=row.get("due") or row["looked_at"],
        looked_at=row["looked_at"],
        needs_attention=name == _ATTENTION,
        attempt=row["attempt"],
        failures=row["failures"],
        reprocessed=row.get("reprocessed", False),
        operation=row.get("operation", ""),
    )
