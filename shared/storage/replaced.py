"""Table `replacedproviders`: what users had before a set replaced it: provider entries, or conferencing.

Never deleted. Partition: the user id. Row: a digest of what is saved, so that saving the same twice
leaves one record, and what the user has later gets another one and overwrites nothing. A record of a
conferencing user has the property `conferencing`; its entry is for the version before, which reads it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.saved import ReplacedProvider
from shared.domain.user import (
    MICROSOFT,
    ConferencingUser,
    ProviderEntry,
    ServiceUser,
    deciding_entry,
)
from shared.errors import TooLargeError
from shared.storage.tables import Table

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_FOR_BRIDGE: Final = "for_bridge_at"
"""When the change of bridge began that replaces what is saved; the version before does not look for it."""

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

    async def save_conferencing(
        self, before: ConferencingUser, upn: str, now: datetime, *, for_change: bool
    ) -> None:
        """Save a conferencing user. StorageError: not saved. for_change: the bridge is about to change."""
        keys = _keys(before)
        mark: dict[str, Any] = {_FOR_BRIDGE: now} if for_change else {}
        new = await self._table.insert(
            {
                **keys,
                "upn": upn,
                "provider": MICROSOFT,
                "entries": _encode([_as_entry(before)]),
                "conferencing": _encode_conferencing(before),
                "saved_at": now,
                **mark,
            }
        )
        if mark and not new:
            await self._table.merge({**keys, **mark})

    async def cancel_move(self, before: ServiceUser | ConferencingUser, now: datetime) -> None:
        """Remember that the change begun with what is saved did not happen."""
        await self._table.merge({**_keys(before), "cancelled_at": now})

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        """Return the provider that the last begun move replaces and when it began, or None.

        Microsoft: it was no move, but a change of bridge.
        """
        rows = self._table.query(
            "PartitionKey eq @user",
            {"user": user_id},
            ["provider", "for_move_at", _FOR_BRIDGE, "cancelled_at"],
        )
        moves = [
            (begun, row["provider"])
            async for row in rows
            if (begun := row.get("for_move_at") or row.get(_FOR_BRIDGE))
            and begun > row.get("cancelled_at", _NEVER)
        ]
        at, provider = max(moves, default=(None, ""))
        return None if at is None else (provider, at)

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        rows = self._table.read("PartitionKey eq @user", {"user": user_id}, _decode)
        records = [record async for record in rows]
        return sorted(records, key=lambda record: record.saved_at)

    async def all(self) -> AsyncIterator[ReplacedProvider]:
        """Yield every saved record, by user id."""
        async for record in self._table.read("PartitionKey ge @first", {"first": "0"}, _decode):
            yield record


def _keys(saved: ServiceUser | ConferencingUser) -> dict[str, str]:
    text = _encode(saved.entries) if isinstance(saved, ServiceUser) else _encode_conferencing(saved)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {"PartitionKey": saved.id, "RowKey": digest}


def _encode(entries: Sequence[ProviderEntry]) -> str:
    fields = [asdict(entry) for entry in entries]
    for entry in fields:
        if not entry["other"]:
            del entry["other"]
    return json.dumps(fields, sort_keys=True, ensure_ascii=False)


def _encode_conferencing(user: ConferencingUser) -> str:
    return json.dumps(asdict(user), sort_keys=True, ensure_ascii=False)


def _as_entry(user: ConferencingUser) -> ProviderEntry:
    """Return a conferencing user as the provider entry that it amounts to."""
    numbers = user.toll_number, user.toll_free_number
    return ProviderEntry(MICROSOFT, "", *numbers, user.conference_id, "", default=True)


def _decode(row: dict[str, object]) -> ReplacedProvider:
    saved_at = row["saved_at"]
    assert isinstance(saved_at, datetime)  # noqa: S101 - the SDK returns Edm.DateTime as datetime
    entries = tuple(ProviderEntry(**entry) for entry in json.loads(str(row["entries"])))
    text = row.get("conferencing")
    return ReplacedProvider(
        str(row["PartitionKey"]),
        str(row["provider"]),
        entries,
        saved_at,
        str(row.get("upn", "")),
        ConferencingUser(**json.loads(str(text))) if text else None,
    )
