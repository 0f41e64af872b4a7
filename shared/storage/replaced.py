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
from shared.storage.tables import Table

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_LONGEST: Final = 32_000
"""Most characters in one string property: 64 KiB of UTF-16 (Azure Tables data model)."""


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
        if len(text) > _LONGEST:
            raise TooLargeError(
                f"{len(user.entries)} provider entries ({len(text)} characters) are too many to save; "
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
        return new

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
        """Remember that the move begun with these entries did not happen."""
        await self._table.merge({**_keys(user), "cancelled_at": now})

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        """Return the provider that the last begun move replaces and when it began, or None."""
        rows = self._table.query(
            "PartitionKey eq @user", {"user": user_id}, ["provider", "for_move_at", "cancelled_at"]
        )
        moves = [
            (row["for_move_at"], row["provider"])
            async for row in rows
            if row.get("for_move_at") and row["for_move_at"] > row.get("cancelled_at", _NEVER)
        ]
        at, provider = max(moves, default=(None, ""))
        return None if at is None else (provider, at)

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        rows = self._table.query("PartitionKey eq @user", {"user": user_id})
        records = [_decode(dict(row)) async for row in rows]
        return sorted(records, key=lambda record: record.saved_at)

    async def all(self) -> AsyncIterator[ReplacedProvider]:
        """Yield every saved record, by user id."""
        async for row in self._table.query("PartitionKey ge @first", {"first": "0"}):
            yield _decode(dict(row))


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


def _decode(row: dict[str, object]) -> ReplacedProvider:
    saved_at = row["saved_at"]
    assert isinstance(saved_at, datetime)  # noqa: S101 - the SDK returns Edm.DateTime as datetime
    entries = tuple(ProviderEntry(**entry) for entry in json.loads(str(row["entries"])))
    return ReplacedProvider(
        str(row["PartitionKey"]), str(row["provider"]), entries, saved_at, str(row.get("upn", ""))
    )
