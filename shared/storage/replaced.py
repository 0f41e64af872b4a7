"""Table `replacedproviders`: the provider entries of users, saved before they are replaced.

Never deleted. Partition: the user id. Row: a digest of the entries, so that saving the same entries
twice leaves one record, and other entries of the same user get a record of their own.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from shared.domain.user import ProviderEntry, ServiceUser, deciding_entry
from shared.errors import TooLargeError
from shared.storage.tables import Table

_LONGEST: Final = 32_000
"""Characters in one string property at most: 64 KiB of UTF-16 (Azure Tables data model)."""


@dataclass(frozen=True, slots=True)
class ReplacedProvider:
    """A saved record: whose entries, all of them as the service had them, and since when."""

    user_id: str
    provider: str
    entries: tuple[ProviderEntry, ...]
    saved_at: datetime


class ReplacedProviderTable:
    """Writes and reads the saved entries."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save(self, user: ServiceUser, now: datetime) -> bool:
        """Save all entries of `user`; returns whether they were new. StorageError: not saved.

        TooLargeError: they do not fit into a record.

        When this returns, the record is durable: the storage answered that it has it.
        """
        text = _encode(user.entries)
        if len(text) > _LONGEST:
            raise TooLargeError(
                f"{len(user.entries)} provider entries ({len(text)} characters) are too many to save; "
                f"at most {_LONGEST} characters are"
            )
        provider = deciding_entry(user.entries)
        return await self._table.insert(
            {
                "PartitionKey": user.id,
                "RowKey": hashlib.sha256(text.encode()).hexdigest()[:32],
                "upn": user.upn,
                "provider": provider.name if provider else "",
                "entries": text,
                "saved_at": now,
            }
        )

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        rows = self._table.query("PartitionKey eq @user", {"user": user_id})
        records = [_decode(dict(row)) async for row in rows]
        return sorted(records, key=lambda record: record.saved_at)

    async def all(self) -> AsyncIterator[ReplacedProvider]:
        """Yield every saved record, by user id."""
        async for row in self._table.query("PartitionKey ge @first", {"first": "0"}):
            yield _decode(dict(row))


def _encode(entries: Sequence[ProviderEntry]) -> str:
    return json.dumps([asdict(entry) for entry in entries], sort_keys=True, ensure_ascii=False)


def _decode(row: dict[str, object]) -> ReplacedProvider:
    saved_at = row["saved_at"]
    assert isinstance(saved_at, datetime)  # noqa: S101 - the SDK returns Edm.DateTime as datetime
    entries = tuple(ProviderEntry(**entry) for entry in json.loads(str(row["entries"])))
    return ReplacedProvider(str(row["PartitionKey"]), str(row["provider"]), entries, saved_at)
