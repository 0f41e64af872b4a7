"""Table `replacedproviders`: the provider entries of users, saved before they are replaced.

Never deleted. Partition: the user id. Row: a digest of the entries, so that saving the same entries
twice leaves one record, and other entries of the same user get another record. A user who has nothing
to save gets a record without entries: it holds the claim of who changes the user, as the others do.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final

from azure.data.tables import TableEntity

from shared.domain.claim import BegunMove, Claim
from shared.domain.saved import ReplacedProvider
from shared.domain.user import ProviderEntry, ServiceUser, deciding_entry
from shared.errors import BusyError, TooLargeError
from shared.storage.tables import Table

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_NOTHING: Final = "[]"
_OF_A_MOVE: Final = {"for_move_at", "cancelled_at", "claimed_by", "claimed_at", "claimed_run"}
_LONGEST: Final = 32_000
"""Most characters in one string property: 64 KiB of UTF-16 (Azure Tables data model)."""


class ReplacedProviderTable:
    """Reader and writer of the saved entries."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
        """Save all entries of `user`; returns whether they were new. StorageError: not saved.

        TooLargeError: they do not fit into a record. When this returns, the record is durable: the
        storage has confirmed it.
        """
        return await self._table.insert(_new_row(user, now))

    async def claim(self, user: ServiceUser, claim: Claim, *, moves: bool = True) -> None:
        """Save the third party's entries of `user`, and claim the change that destroys them.

        moves: the provider changes, not only a number. BusyError: another attempt holds the claim.
        Errors of `save_entries`: not saved, so nothing may be changed.
        """
        user = _with_what_is_lost(user)
        mark = {**_mark(claim), **({"for_move_at": claim.at} if moves else {})}
        new = _new_row(user, claim.at)
        if await self._table.insert({**new, **mark}):
            return
        row = await self._table.get(new["PartitionKey"], new["RowKey"])
        if row is None:
            raise BusyError("another attempt has just removed what was saved of this user")
        known = dict(row)
        if _is_cancelled(known):
            known = {name: known[name] for name in known.keys() - _OF_A_MOVE}
        holder = _claim(known)
        if holder and holder.keeps_out(claim):
            raise BusyError("another attempt is changing this user")
        if not await self._table.replace_if_unchanged({**known, **mark}, str(row.metadata["etag"])):
            raise BusyError("another attempt has just begun to change this user")

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
        """Give the claim on a change up that did not happen, and remember that it did not."""
        user = _with_what_is_lost(user)
        await self._table.merge({**_keys(user), "cancelled_at": now})

    async def last_move(self, user_id: str, run: str | None = None) -> BegunMove | None:
        """Return the last move that was begun for a run, else the last one; cancelled ones are none."""
        begun = await self._begun(user_id, ["provider", *_OF_A_MOVE])
        its = [row for row in begun if run and row.get("claimed_run") == run]
        row = max(its or begun, key=_begun_at, default=None)
        return BegunMove(row["provider"], _begun_at(row), _claim(row)) if row else None

    async def take_over(self, user_id: str, claim: Claim) -> None:
        """Claim the last begun move, to tell of it; BusyError: another attempt holds it.

        It stays a move of the run for which it was begun.
        """
        row = max(await self._begun(user_id), key=_begun_at, default=None)
        holder = _claim(row) if row else None
        if row is None or (holder and holder.keeps_out(claim)):
            raise BusyError("another attempt is moving this user")
        if not await self._table.replace_if_unchanged(
            {**row, **_mark(claim), "claimed_run": row.get("claimed_run", "")},
            str(row.metadata["etag"]),
        ):
            raise BusyError("another attempt has just taken this user over")

    async def _begun(self, user_id: str, select: Sequence[str] | None = None) -> list[TableEntity]:
        rows = self._table.query("PartitionKey eq @user", {"user": user_id}, select)
        return [row async for row in rows if row.get("for_move_at") and not _is_cancelled(row)]

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        rows = self._table.query("PartitionKey eq @user", {"user": user_id})
        records = [_decode(dict(row)) async for row in rows if row["entries"] != _NOTHING]
        return sorted(records, key=lambda record: record.saved_at)

    async def all(self) -> AsyncIterator[ReplacedProvider]:
        """Yield every saved record, by user id."""
        async for row in self._table.query("PartitionKey ge @first", {"first": "0"}):
            if row["entries"] != _NOTHING:
                yield _decode(dict(row))


def _new_row(user: ServiceUser, now: datetime) -> dict[str, Any]:
    text = _encode(user.entries)
    if len(text) > _LONGEST:
        raise TooLargeError(
            f"{len(user.entries)} provider entries ({len(text)} characters) are too many to save; "
            f"at most {_LONGEST} characters are"
        )
    provider = deciding_entry(user.entries)
    name = provider.name if provider else ""
    return {**_keys(user), "upn": user.upn, "provider": name, "entries": text, "saved_at": now}


def _with_what_is_lost(user: ServiceUser) -> ServiceUser:
    """Return the user with all entries if there is a third party's among them, else with none."""
    lost = any(not entry.is_microsoft for entry in user.entries)
    return user if lost else replace(user, entries=())


def _mark(claim: Claim) -> dict[str, Any]:
    return {"claimed_by": claim.by, "claimed_at": claim.at, "claimed_run": claim.run or ""}


def _claim(row: Mapping[str, Any]) -> Claim | None:
    """Return who holds a row; None: nobody, as in rows of versions before claims."""
    if not row.get("claimed_by"):
        return None
    return Claim(row["claimed_by"], row["claimed_at"], row["claimed_run"] or None)


def _begun_at(row: Mapping[str, Any]) -> datetime:
    at: datetime = row["for_move_at"]
    return at


def _is_cancelled(row: Mapping[str, Any]) -> bool:
    begun = max(row.get("for_move_at", _NEVER), row.get("claimed_at", _NEVER))
    return bool(begun <= row.get("cancelled_at", _NEVER))


def _keys(user: ServiceUser) -> dict[str, str]:
    digest = hashlib.sha256(_encode(user.entries).encode()).hexdigest()[:32]
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
