"""Table `waiting`: users to be tried again, and users who need attention, who are tried again too.

A row remembers the runs that tell of the user as one who waits or failed. Once the user is settled, the row
is on no list any more, and goes when these runs were told.

Partition: the first hex digit of the user id. Row: the user id, so that a user is on one list only:
property `list`, `due` or `attention`. The version before had a partition for each list instead; a row
there is read, and moves over when the user is next tried.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from azure.data.tables import TableEntity

from shared.clock import Clock
from shared.domain.decision import Action
from shared.domain.outcome import UserResult
from shared.domain.retry import DueUser, SettledUser, Waiting, WaitReason, with_runs
from shared.errors import StorageError, UnreadableRowError
from shared.storage.outcomes import decode_outcome, encode_outcome
from shared.storage.rows import DIGITS, EVERY_DIGIT, clipped, field, runs_of
from shared.storage.tables import Table

_DUE: Final = "due"
_ATTENTION: Final = "attention"
_SETTLED: Final = "settled"
"""On no list and never due: the row is there for the runs that have to be told."""
_LISTED: Final = f"{EVERY_DIGIT} and list eq @list or PartitionKey eq @list"
"""Every partition, those of the version before included."""

_ACKNOWLEDGED: Final = ("acknowledged_by", "acknowledged_at", "acknowledged_reason")
_TRIES: Final = 5
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)

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
        """Return the user's row, or None; one that cannot be read, or is settled, counts as none."""
        row = await self._table.get(user_id[0], user_id)
        if row is None and await self._has_old_rows():
            row = await self._table.get(_DUE, user_id) or await self._table.get(_ATTENTION, user_id)
        return self._readable(row) if row and row.get("list") != _SETTLED else None

    async def save_waiting(self, waiting: Waiting) -> None:
        """Write the user's row; of one that a later attempt wrote, only the runs, which must be told too."""
        paused = waiting.cause is WaitReason.PAUSED
        entity: dict[str, Any] = {
            "PartitionKey": waiting.user_id[0],
            "RowKey": waiting.user_id,
            "list": _ATTENTION if waiting.needs_attention else _DUE,
            "upn": waiting.upn,
            # The version before knows no pause: it tries these users as after a service's fault.
            "cause": str(WaitReason.SERVICE if paused else waiting.cause),
            "paused": paused,
            "reason": clipped(waiting.reason),
            "since": waiting.since,
            "due": waiting.due,
            "looked_at": waiting.looked_at,
            "written_at": self._clock.now(),
            "attempt": waiting.attempt,
            "failures": waiting.failures,
            "reprocessed": waiting.reprocessed,
            "operation": waiting.operation,
            "runs": " ".join(waiting.runs),
        }
        for _ in range(_TRIES):
            known = await self._table.get(waiting.user_id[0], waiting.user_id)
            if known is None:
                written = await self._table.insert(entity)
            else:
                runs = " ".join(with_runs((*waiting.runs, *runs_of(known))))
                etag = str(known.metadata["etag"])
                if _looked_at(known) > waiting.looked_at:
                    row = {
                        "PartitionKey": waiting.user_id[0],
                        "RowKey": waiting.user_id,
                        "runs": runs,
                    }
                    same = runs == known.get("runs", "")
                    written = same or await self._table.merge_if_unchanged(row, etag)
                else:
                    entity |= _acknowledgment(known, waiting.reason) | {"runs": runs}
                    written = await self._table.replace_if_unchanged(entity, etag)
            if written:
                break
        else:
            raise _contended()
        if await self._has_old_rows():
            for name in (_DUE, _ATTENTION):
                await self._table.delete(name, waiting.user_id)

    async def acknowledge(self, user_id: str, by: str, at: datetime) -> Waiting | None:
        """Record who knows that the user needs attention; return the row, None: the user does no more.

        It holds for the reason that stands there now: the next other one clears it.
        """
        row = await self._table.get(user_id[0], user_id)
        if row is None or row.get("list") != _ATTENTION:
            return None
        waiting = self._readable(row)
        known = await self._table.update(
            {
                "PartitionKey": user_id[0],
                "RowKey": user_id,
                "acknowledged_by": by,
                "acknowledged_at": at,
                "acknowledged_reason": row["reason"],
            }
        )
        return waiting if known else None

    async def remove_waiting(self, result: UserResult, looked_at: datetime) -> Waiting | None:
        """Take the user off the lists, unless an attempt later than `looked_at` wrote the row.

        Return the user's old row, or None when there was none to remove. For its runs the row stays as a
        settled one, which is on no list, with the result: no crash loses it, nor a clock that is behind.
        """
        removed = None
        user_id = result.user_id
        for name in (user_id[0], *((_DUE, _ATTENTION) if await self._has_old_rows() else ())):
            removed = await self._remove(name, result, looked_at) or removed
        return removed

    async def _remove(
        self, partition: str, result: UserResult, looked_at: datetime
    ) -> Waiting | None:
        for _ in range(_TRIES):
            row = await self._table.get(partition, result.user_id)
            if row is None or _written_at(row) > looked_at or row.get("list") == _SETTLED:
                return None
            # Whoever changed it in between may have listed the user again: it is read again.
            if runs := runs_of(row):
                settled = _settled_row(row, result, runs)
                etag = str(row.metadata["etag"])
                done = bool(await self._table.replace_if_unchanged(settled, etag))
            else:
                done = await self._table.delete_if_unchanged(row)
            if done:
                return self._readable(row)
        return None  # others keep writing it: the user stays listed, and is tried again

    async def add_settled(self, result: UserResult, runs: Sequence[str]) -> None:
        """Keep the result of a user for runs; those of a user who still waits are told the last one."""
        keys = {"PartitionKey": result.user_id[0], "RowKey": result.user_id}
        for _ in range(_TRIES):
            known = await self._table.get(result.user_id[0], result.user_id)
            all_runs = with_runs((*runs, *runs_of(known or {})))
            # Older than any attempt: it keeps nobody who has to wait off the lists.
            row = _settled_row({**keys, "looked_at": _LONG_AGO}, result, all_runs)
            if known is None:
                written = await self._table.insert(row)
            elif known.get("list") == _SETTLED:
                row["looked_at"] = _looked_at(known)
                etag = str(known.metadata["etag"])
                written = await self._table.replace_if_unchanged(row, etag)
            else:
                row = {**keys, "runs": " ".join(all_runs)}
                etag = str(known.metadata["etag"])
                written = await self._table.merge_if_unchanged(row, etag)
            if written:
                return
        raise _contended()

    async def settled(self) -> AsyncIterator[SettledUser]:
        """Yield the users whose final outcome some runs have to be told."""
        rows = self._table.query(f"{EVERY_DIGIT} and list eq @list", {"list": _SETTLED})
        async for row in rows:
            etag = str(row.metadata["etag"])
            with suppress(UnreadableRowError):
                result = self._table.decode(row, _decode_settled)
                yield SettledUser(result, runs_of(row), f"{row['PartitionKey']} {etag}")

    async def forget_settled(self, user: SettledUser) -> None:
        """Remove what was kept for runs that know it now, unless the row was changed since."""
        partition, _, etag = user.revision.partition(" ")
        row = await self._table.get(partition, user.result.user_id)
        if row is not None and str(row.metadata["etag"]) == etag:
            await self._table.delete_if_unchanged(row)

    async def claim(self, due: DueUser, until: datetime) -> bool:
        """Keep a user from being due again before `until`; False: an attempt changed the row, or it went."""
        partition, _, etag = due.revision.partition(" ")
        row = {"PartitionKey": partition, "RowKey": due.user_id, "due": until}
        return bool(await self._table.merge_if_unchanged(row, etag))

    async def due(self, now: datetime) -> AsyncIterator[DueUser]:
        """Yield the users who are due, whatever else their rows say."""
        # The version before gave users who need attention no due time.
        rows = self._table.query(
            f"{EVERY_DIGIT} and due le @now or PartitionKey eq @attention",
            {"now": now, "attention": _ATTENTION},
            ["PartitionKey", "RowKey", "due"],
        )
        async for row in rows:
            if row["PartitionKey"] in (_DUE, _ATTENTION):
                # Perhaps written just now, by an instance of that version.
                self._remember_old_rows(True)
            due = row.get("due")
            if not isinstance(due, datetime) or due <= now:
                etag = str(row.metadata["etag"])
                yield DueUser(str(row["RowKey"]), f"{row['PartitionKey']} {etag}")

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the users who wait, due or not."""
        return self._listed(_DUE)

    def attention(self) -> AsyncIterator[Waiting]:
        """Yield the users who need attention."""
        return self._listed(_ATTENTION)

    def _listed(self, name: str) -> AsyncIterator[Waiting]:
        return self._table.read(_LISTED, {"list": name}, _decode)

    async def counts(self) -> tuple[int, Counter[str]]:
        """Return how many users wait, and how many need attention by reason."""
        return (await self._reasons(_DUE)).total(), await self._reasons(_ATTENTION)

    async def _reasons(self, name: str) -> Counter[str]:
        rows = self._table.query(_LISTED, {"list": name}, ["reason"])
        return Counter([str(row.get("reason", "")) async for row in rows])

    async def first_in_need(self, limit: int) -> list[Waiting]:
        """Return at most `limit` of the users who need attention, read partition by partition."""

        async def scan(partition: str) -> list[Waiting]:
            text = "PartitionKey eq @partition and list eq @list"
            where = {"partition": partition, "list": _ATTENTION}
            return await self._table.first(text, where, _decode, limit)

        found = await asyncio.gather(*(scan(each) for each in DIGITS))
        old = [each async for each in self.attention()] if await self._has_old_rows() else []
        return sorted(
            {each.user_id: each for each in (*old, *chain.from_iterable(found))}.values(),
            key=lambda each: each.upn or each.user_id,
        )[:limit]

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

    def _readable(self, row: TableEntity) -> Waiting | None:
        try:
            return self._table.decode(row, _decode)
        except UnreadableRowError:
            return None


def _written_at(row: TableEntity) -> datetime:
    """Return when an attempt last wrote a row: one that came before its time leaves `looked_at` as it was."""
    written = row.get("written_at")
    return max(written, _looked_at(row)) if isinstance(written, datetime) else _looked_at(row)


def _looked_at(row: TableEntity) -> datetime:
    """Return when the row was written; a damaged one is older than any attempt."""
    looked_at = row.get("looked_at")
    return looked_at if isinstance(looked_at, datetime) else _LONG_AGO


def _contended() -> StorageError:
    return StorageError("write in table waiting", "others keep writing the user's row")


def _settled_row(row: Mapping[str, Any], result: UserResult, runs: Sequence[str]) -> dict[str, Any]:
    """Return the row of a settled user; whatever made the user wait is gone."""
    return {
        "PartitionKey": row["PartitionKey"],
        "RowKey": row["RowKey"],
        "list": _SETTLED,
        "looked_at": row["looked_at"],
        "runs": " ".join(runs),
        **encode_outcome(result.outcome),
        "reason": clipped(result.reason),
        "upn": result.upn,
        "old_provider": result.old_provider or "",
        "has_old_provider": result.old_provider is not None,
        "decision": str(result.decision or ""),
    }


def _decode_settled(row: dict[str, Any]) -> UserResult:
    old = field(row, "old_provider", str) if field(row, "has_old_provider", bool) else None
    return UserResult(
        field(row, "RowKey", str),
        decode_outcome(row),
        field(row, "reason", str),
        field(row, "upn", str),
        old_provider=old,
        decision=Action(row["decision"]) if row["decision"] else None,
    )


def _acknowledgment(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Return what of a row says that somebody knows of this reason."""
    if not row.get("acknowledged_by") or row.get("acknowledged_reason") != reason:
        return {}
    return {name: row[name] for name in _ACKNOWLEDGED}


def _decode(row: dict[str, Any]) -> Waiting:
    name = field(row, "list", str, row["PartitionKey"])
    if name not in (_DUE, _ATTENTION):
        raise ValueError(f"{name!r} is no list")
    looked_at = field(row, "looked_at", datetime)
    known = _acknowledgment(row, field(row, "reason", str))
    return Waiting(
        user_id=field(row, "RowKey", str),
        upn=field(row, "upn", str, ""),
        cause=WaitReason.PAUSED if row.get("paused") is True else WaitReason(row["cause"]),
        reason=field(row, "reason", str),
        since=field(row, "since", datetime),
        due=field(row, "due", datetime, looked_at),
        looked_at=looked_at,
        needs_attention=name == _ATTENTION,
        attempt=field(row, "attempt", int),
        failures=field(row, "failures", int),
        reprocessed=field(row, "reprocessed", bool, False),
        operation=field(row, "operation", str, ""),
        acknowledged_by=field(known, "acknowledged_by", str, ""),
        acknowledged_at=field(known, "acknowledged_at", datetime) if known else None,
        runs=runs_of(row),
    )
