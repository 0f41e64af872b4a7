"""Table `replacedproviders`: the provider entries of users, saved before they are replaced.

Only `acp forget` deletes them. Partition: the user id. Row: a digest of the entries, so that saving the
same entries twice leaves one record, and other entries of the same user get another record. The digest
knows no order, and no field that this version does not know: neither makes them other entries.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, astuple, replace
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.saved import ReplacedProvider
from shared.domain.user import ProviderEntry, ServiceUser, deciding_entry
from shared.errors import TooLargeError
from shared.storage.rows import field, json_field, units
from shared.storage.tables import Table

_TEXTS: Final = ("name", "domain", "toll_number", "toll_free_number", "passcode", "url")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_LONGEST: Final = 32_000
"""Most UTF-16 units in one string property: 64 KiB (Azure Tables data model)."""


class ReplacedProviderTable:
    """Reader and writer of the saved entries."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_entries(
        self, user: ServiceUser, now: datetime, *, for_move: bool = False
    ) -> bool:
        """Save all entries of `user`; returns whether they were new. StorageError: not saved.

        TooLargeError: they do not fit into a record. for_move: the provider is about to be replaced.
        When this returns, the record is durable: the storage has confirmed it.
        """
        text = _encode(user.entries)
        if (length := units(text)) > _LONGEST:
            raise TooLargeError(
                f"{len(user.entries)} provider entries ({length} characters) are too many to save; "
                f"at most {_LONGEST} characters are"
            )
        provider = deciding_entry(user.entries)
        keys = _keys(user)
        mark: dict[str, Any] = {"for_move_at": now} if for_move else {}
        new = await self._table.insert(
            {
                **keys,
                "upn": user.upn,
                "provider": provider.name if provider else "",
                "entries": text,
                "saved_at": now,
                **mark,
            }
        )
        if mark and not new:
            await self._table.merge({**keys, **mark})
        return bool(new)

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
        """Remember that the move begun with these entries did not happen."""
        await self._table.merge({**_keys(user), "cancelled_at": now})

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        """Return the provider that the last begun move replaces and when it began, or None."""
        rows = self._table.read("PartitionKey eq @user", {"user": user_id}, _decode_mark)
        moves = [(begun, provider) async for begun, ended, provider in rows if begun > ended]
        at, provider = max(moves, default=(None, ""))
        return None if at is None else (provider, at)

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        rows = self._table.read("PartitionKey eq @user", {"user": user_id}, _decode)
        records = [record async for record in rows]
        return sorted(records, key=lambda record: record.saved_at)

    def all(self) -> AsyncIterator[ReplacedProvider]:
        """Yield every saved record, by user id."""
        return self._table.read("PartitionKey ge @first", {"first": "0"}, _decode)


def _keys(user: ServiceUser) -> dict[str, str]:
    known = sorted((replace(entry, other="") for entry in user.entries), key=astuple)
    digest = hashlib.sha256(_encode(known).encode()).hexdigest()[:32]
    return {"PartitionKey": user.id, "RowKey": digest}


def _encode(entries: Sequence[ProviderEntry]) -> str:
    fields = [asdict(entry) for entry in entries]
    for entry in fields:
        if not entry["other"]:
            del entry["other"]
    return json.dumps(fields, sort_keys=True, ensure_ascii=False)


def _decode(row: dict[str, Any]) -> ReplacedProvider:
    return ReplacedProvider(
        field(row, "PartitionKey", str),
        field(row, "provider", str),
        tuple(_decode_entry(entry) for entry in json_field(row, "entries", list)),
        field(row, "saved_at", datetime),
        field(row, "upn", str, ""),
        field(row, "for_move_at", datetime, None),
    )


def _decode_entry(entry: dict[str, Any]) -> ProviderEntry:
    texts = {name: field(entry, name, str) for name in _TEXTS}
    other = field(entry, "other", str, "")
    return ProviderEntry(**texts, default=field(entry, "default", bool), other=other)


def _decode_mark(row: dict[str, Any]) -> tuple[datetime, datetime, str]:
    """Return when a move with these entries was begun last and cancelled last, and the provider."""
    begun = field(row, "for_move_at", datetime, _NEVER)
    return begun, field(row, "cancelled_at", datetime, _NEVER), field(row, "provider", str)
