"""Table `history`: what happened to each user, and what was decided about each. Rows are only added.

Partition: the user id. Row: the time, inverted so that the newest comes first, and what it was: a user's
history is one range scan, and a change that is told twice, by its beginning, is one row.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.domain.history import CHANGES, DialIn, HistoryEvent, HistoryRecord
from shared.storage.rows import clipped, field, json_field
from shared.storage.tables import Table

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = 10**14
"""Milliseconds since 1970 from which times are counted down; in the year 5138."""

_CHANGE: Final = "change"
_LONGEST: Final = 1_000


class HistoryTable:
    """Reader and writer of the history."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, record: HistoryRecord) -> None:
        """Add a record, unless it is there: one request. StorageError: it was not added."""
        texts = {
            "upn": record.upn,
            "signal": record.signal,
            "run": record.run,
            "by": record.by,
            "ticket": record.ticket,
            "note": record.note,
            "reason": record.reason,
        }
        details = {"before": record.before, "after": record.after}
        await self._table.insert(
            {
                "PartitionKey": record.user_id,
                "RowKey": _row_key(record),
                "what": str(record.what),
                "at": record.at,
                **{name: clipped(text, _LONGEST) for name, text in texts.items() if text},
                **{name: encode_dial_in(dial_in) for name, dial_in in details.items() if dial_in},
            }
        )

    async def page(
        self, users: Sequence[str], limit: int, after: str = ""
    ) -> tuple[list[HistoryRecord], str | None]:
        """Return at most `limit` records of users, the newest first, and where the next page begins.

        One range scan per user. after: where this page begins.
        """

        key, _, last = after.partition(" ")

        async def scan(user: str) -> list[tuple[str, str, HistoryRecord]]:
            # Of records with one key, those of the users behind the last one are still to come.
            text = f"PartitionKey eq @user and RowKey {'gt' if user <= last else 'ge'} @key"
            return await self._table.first(text, {"user": user, "key": key}, _keyed, limit + 1)

        found = sorted(
            (row for rows in await asyncio.gather(*map(scan, users)) for row in rows),
            key=lambda row: row[:2],
        )
        more = " ".join(found[limit - 1][:2]) if len(found) > limit else None
        return [record for *_, record in found[:limit]], more

    async def has_move_until(self, user: str, moment: datetime) -> bool:
        """Return whether a move that began before a time is recorded."""
        text = "PartitionKey eq @user and RowKey ge @first and what eq @moved"
        given = {"user": user, "first": inverted(moment), "moved": str(HistoryEvent.MOVED)}
        async for _ in self._table.query(text, given, ["RowKey"], page=1):
            return True
        return False


def inverted(at: datetime) -> str:
    """Return a time as a key that sorts before those of earlier times."""
    return f"{_END - (at - _EPOCH) // timedelta(milliseconds=1):014d}"


def _row_key(record: HistoryRecord) -> str:
    # Two attempts may tell of one change, each as it saw it.
    what = _CHANGE if record.what in CHANGES else str(record.what)
    return f"{inverted(record.at)}-{what}"


def encode_dial_in(dial_in: DialIn) -> str:
    """Return dial-in details as a property of a row."""
    known = {name: clipped(text, _LONGEST) for name, text in asdict(dial_in).items() if text}
    return json.dumps(known, sort_keys=True, ensure_ascii=False)


def _keyed(row: dict[str, Any]) -> tuple[str, str, HistoryRecord]:
    return field(row, "RowKey", str), field(row, "PartitionKey", str), _decode(row)


def _decode(row: dict[str, Any]) -> HistoryRecord:
    return HistoryRecord(
        field(row, "PartitionKey", str),
        HistoryEvent(field(row, "what", str)),
        field(row, "at", datetime),
        field(row, "upn", str, ""),
        field(row, "signal", str, ""),
        field(row, "run", str, ""),
        field(row, "by", str, ""),
        field(row, "ticket", str, ""),
        field(row, "note", str, ""),
        field(row, "reason", str, ""),
        decode_dial_in(row, "before"),
        decode_dial_in(row, "after"),
    )


def decode_dial_in(row: dict[str, Any], name: str) -> DialIn | None:
    """Return dial-in details from a property of a row, None: it has none; an error of DAMAGE."""
    if row.get(name) is None:
        return None
    known = json_field(row, name, dict)
    names = DialIn.__dataclass_fields__
    return DialIn(**{each: field(known, each, str, "") for each in names})
