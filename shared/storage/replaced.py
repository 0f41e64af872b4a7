"""Table `replacedproviders`: what users had before a set replaced it: provider entries, or conferencing.

Only `acp forget` deletes them. Partition: the user id. Row: a digest of what is saved, so that saving the
same twice leaves one record, and what the user has later gets another one and overwrites nothing. The
digest of entries knows no order, and no field that this version does not know: neither makes them other
entries. A record of a conferencing user has the property `conferencing`; its entry is for the version
before, which reads it. A user who has no third party's entries gets a record without entries: changes are
claimed in records of entries, so that attempts which saw the same entries meet there.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, astuple, replace
from datetime import UTC, datetime
from typing import Any, Final

from azure.data.tables import TableEntity

from shared.domain.claim import HELD_FOR, SETTLED_FOR, BegunMove, Claim
from shared.domain.decision import Action
from shared.domain.saved import ReplacedProvider, SavedKeys
from shared.domain.user import (
    MICROSOFT,
    ConferencingUser,
    ProviderEntry,
    ServiceUser,
    deciding_entry,
)
from shared.errors import BusyError, TooLargeError
from shared.storage.rows import field, json_field, units
from shared.storage.tables import PAGE, Table

_TEXTS: Final = ("name", "domain", "toll_number", "toll_free_number", "passcode", "url")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_FOR_MOVE: Final = "for_move_at"
_FOR_BRIDGE: Final = "for_bridge_at"
"""When the last move began, or change of bridge, which the version before does not look for."""

_BEGUN: Final = (_FOR_MOVE, _FOR_BRIDGE, "begun_by", "begun_run")
_CLAIMED: Final = ("claimed_by", "claimed_at", "cancelled_at")

_LONGEST: Final = 32_000
"""Most UTF-16 units in one string property: 64 KiB (Azure Tables data model)."""


class ReplacedProviderTable:
    """Reader and writer of what was saved, and of the claims on changes."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_entries(
        self, user: ServiceUser, now: datetime, known: SavedKeys | None = None
    ) -> bool:
        """Save all entries of `user`; returns whether they were new. StorageError: not saved.

        TooLargeError: they do not fit into a record. When this returns, the record is durable: the
        storage has confirmed it, now or when `known` was read.
        """
        row = _new_row(user, now)
        if known and known.has(row["PartitionKey"], row["RowKey"]):
            return False
        return bool(await self._table.insert(row))

    async def saved_keys(self) -> SavedKeys:
        """Return the keys of all records; a sweep reads them once instead of offering each record again."""
        keys = SavedKeys()
        names = ["PartitionKey", "RowKey"]
        async for row in self._table.query("PartitionKey ge @first", {"first": "0"}, names):
            keys.add(str(row["PartitionKey"]), str(row["RowKey"]))
        return keys

    async def claim(self, user: ServiceUser, claim: Claim, action: Action) -> None:
        """Save the third party's entries of `user`, and claim the change that destroys them.

        BusyError: another attempt holds the claim. Errors of `save_entries`: not saved, so nothing may
        be changed.
        """
        user = _with_what_is_lost(user)
        mark = {"claimed_by": claim.by, "claimed_at": claim.at, **_begin(claim, action)}
        new = _new_row(user, claim.at)
        if await self._table.insert({**new, **mark}):
            return
        row = await self._table.get(new["PartitionKey"], new["RowKey"])
        if row is None:
            raise BusyError("another attempt has just removed what was saved of this user")
        known = dict(row)
        if _is_cancelled(known):
            known = {name: known[name] for name in known.keys() - {*_BEGUN, *_CLAIMED}}
        if _is_held(known, claim):
            raise BusyError("another attempt is changing this user")
        if not await self._table.replace_if_unchanged({**known, **mark}, str(row.metadata["etag"])):
            raise BusyError("another attempt has just begun to change this user")

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        """Let a claim end soon, because its change was seen; one that others hold by now stays."""
        keys = _keys(_with_what_is_lost(user))
        row = await self._table.get(keys["PartitionKey"], keys["RowKey"])
        if row is not None and row.get("claimed_by") == claim.by:
            settled = {**row, "claimed_at": now - HELD_FOR + SETTLED_FOR}
            await self._table.replace_if_unchanged(settled, str(row.metadata["etag"]))

    async def save_conferencing(self, before: ConferencingUser, upn: str, now: datetime) -> None:
        """Save a conferencing user. StorageError: not saved."""
        await self._table.insert(
            {
                **_keys(before),
                "upn": upn,
                "provider": MICROSOFT,
                "entries": _encode([_as_entry(before)]),
                "conferencing": _encode_conferencing(before),
                "saved_at": now,
            }
        )

    async def cancel_move(self, user: ServiceUser, now: datetime) -> None:
        """Give the claim on a change up that did not happen, and remember that it did not."""
        user = _with_what_is_lost(user)
        await self._table.merge({**_keys(user), "cancelled_at": now})

    async def last_move(self, user_id: str, run: str | None = None) -> BegunMove | None:
        """Return the last change that was begun for a run, else the last one; cancelled ones are none."""
        begun = await self._begun(user_id, ["provider", *_BEGUN, *_CLAIMED])
        its = [row for row in begun if run and row.get("begun_run") == run]
        row = max(its or begun, key=_begun_at, default=None)
        return _begun_move(row) if row else None

    async def take_over(self, user_id: str, claim: Claim) -> None:
        """Claim the last begun change, to tell of it; BusyError: another attempt holds it.

        It stays a change of the run for which it was begun.
        """
        row = max(await self._begun(user_id), key=_begun_at, default=None)
        if row is None or _is_held(row, claim):
            raise BusyError("another attempt is moving this user")
        taken = {**row, "claimed_by": claim.by, "claimed_at": claim.at, "begun_by": claim.by}
        taken.setdefault("begun_run", "")
        if not await self._table.replace_if_unchanged(taken, str(row.metadata["etag"])):
            raise BusyError("another attempt has just taken this user over")

    async def _begun(self, user_id: str, select: Sequence[str] | None = None) -> list[TableEntity]:
        rows = self._table.query("PartitionKey eq @user", {"user": user_id}, select)
        return [row async for row in rows if _begun_at(row) > _NEVER and not _is_cancelled(row)]

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Return the saved records of one user, oldest first."""
        records = self._records("PartitionKey eq @user", {"user": user_id})
        return sorted([record async for record in records], key=lambda record: record.saved_at)

    def all(self) -> AsyncIterator[ReplacedProvider]:
        """Yield every saved record, by user id."""
        return self._records("PartitionKey ge @first", {"first": "0"})

    async def _records(self, text: str, keys: Mapping[str, Any]) -> AsyncIterator[ReplacedProvider]:
        async for record in self._table.read(text, keys, _decode, page=PAGE):
            if record.entries:
                yield record


def _new_row(user: ServiceUser, now: datetime) -> dict[str, Any]:
    text = _encode(user.entries)
    if (length := units(text)) > _LONGEST:
        raise TooLargeError(
            f"{len(user.entries)} provider entries ({length} characters) are too many to save; "
            f"at most {_LONGEST} characters are"
        )
    provider = deciding_entry(user.entries)
    name = provider.name if provider else ""
    return {**_keys(user), "upn": user.upn, "provider": name, "entries": text, "saved_at": now}


def _with_what_is_lost(user: ServiceUser) -> ServiceUser:
    """Return the user with all entries if there is a third party's among them, else with none."""
    lost = any(not entry.is_microsoft for entry in user.entries)
    return user if lost else replace(user, entries=())


def _begin(claim: Claim, action: Action) -> dict[str, Any]:
    """Return what a row says of the change that begins; nothing of a number alone."""
    if action is Action.SET_NUMBER:
        return {}
    mark = _FOR_BRIDGE if action is Action.CHANGE_BRIDGE else _FOR_MOVE
    return {mark: claim.at, "begun_by": claim.by, "begun_run": claim.run or ""}


def _begun_at(row: Mapping[str, Any]) -> datetime:
    return max(_time(row, _FOR_MOVE), _time(row, _FOR_BRIDGE))


def _time(row: Mapping[str, Any], name: str) -> datetime:
    value = row.get(name)
    return value if isinstance(value, datetime) else _NEVER


def _begun_move(row: Mapping[str, Any]) -> BegunMove:
    """Return the change that a row says was begun last; its claim is None in rows of versions before."""
    at, by = _begun_at(row), row.get("begun_by")
    provider = MICROSOFT if row.get(_FOR_BRIDGE) == at else str(row.get("provider", ""))
    run = str(row.get("begun_run") or "") or None
    return BegunMove(provider, at, Claim(str(by), at, run) if by else None)


def _is_held(row: Mapping[str, Any], claim: Claim) -> bool:
    by = row.get("claimed_by")
    return bool(by) and Claim(str(by), _time(row, "claimed_at")).keeps_out(claim)


def _is_cancelled(row: Mapping[str, Any]) -> bool:
    begun = max(_begun_at(row), _time(row, "claimed_at"))
    return bool(begun <= _time(row, "cancelled_at"))


def _keys(saved: ServiceUser | ConferencingUser) -> dict[str, str]:
    if isinstance(saved, ServiceUser):
        text = _encode(sorted((replace(each, other="") for each in saved.entries), key=astuple))
    else:
        text = _encode_conferencing(saved)
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


def _decode(row: dict[str, Any]) -> ReplacedProvider:
    conferencing = json_field(row, "conferencing", dict) if row.get("conferencing") else None
    return ReplacedProvider(
        field(row, "PartitionKey", str),
        field(row, "provider", str),
        tuple(_decode_entry(entry) for entry in json_field(row, "entries", list)),
        field(row, "saved_at", datetime),
        field(row, "upn", str, ""),
        ConferencingUser(**conferencing) if conferencing else None,
        begun if (begun := _begun_at(row)) > _NEVER else None,
    )


def _decode_entry(entry: dict[str, Any]) -> ProviderEntry:
    texts = {name: field(entry, name, str) for name in _TEXTS}
    other = field(entry, "other", str, "")
    return ProviderEntry(**texts, default=field(entry, "default", bool), other=other)
