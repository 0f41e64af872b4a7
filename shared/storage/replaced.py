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
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from azure.data.tables import TableEntity

from shared.domain.claim import HELD_FOR, SETTLED_FOR, BegunChange, Claim
from shared.domain.decision import Action
from shared.domain.history import DialIn
from shared.domain.saved import ReplacedProvider, SavedKeys
from shared.domain.user import (
    MICROSOFT,
    ConferencingUser,
    ProviderEntry,
    ServiceUser,
    deciding_entry,
)
from shared.errors import BusyError, TooLargeError, UnreadableRowError
from shared.scratch import scratch
from shared.storage.history import decode_dial_in, encode_dial_in
from shared.storage.rows import field, json_field, units
from shared.storage.tables import PAGE, Table

_TEXTS: Final = ("name", "domain", "toll_number", "toll_free_number", "passcode", "url")
_FIELDS: Final = (*_TEXTS, "default", "other")
"""Of an entry, in the order by which entries are sorted before their digest."""

_BY_FIELDS: Final = attrgetter(*_FIELDS)
_JSON: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_FOR_MOVE: Final = "for_move_at"
_FOR_BRIDGE: Final = "for_bridge_at"
"""When the last move began, or change of bridge, which the version before does not look for."""

_BEGUN: Final = (_FOR_MOVE, _FOR_BRIDGE, "begun_by", "begun_run")
_FOR_NUMBER: Final = "for_number_at"
"""When the last change of a number alone began: beside the others, which may not be recorded yet."""

_NUMBER: Final = (_FOR_NUMBER, "number_run", "number_before", "number_cancelled_at")
_KEYS: Final = ("PartitionKey", "RowKey")
_CLAIMED: Final = ("claimed_by", "claimed_at", "cancelled_at")

_LONGEST: Final = 32_000
"""Most UTF-16 units in one string property: 64 KiB (Azure Tables data model)."""


class ReplacedProviderTable:
    """Reader and writer of what was saved, and of the claims on changes."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
        """Save all entries of `user`; returns whether they were new. StorageError: not saved.

        TooLargeError: they do not fit into a record. When this returns, the record is durable: the
        storage has confirmed it.
        """
        return bool(await self._table.insert(_new_row(user, now)))

    async def saved_keys(self) -> SavedKeys:
        """Return the keys of all records; a sweep reads them once instead of offering each record again."""
        keys = SavedKeys(scratch())
        async for rows in self._table.pages("PartitionKey ge @first", {"first": "0"}, _KEYS):
            for row in rows:
                keys.add(str(row["PartitionKey"]), str(row["RowKey"]))
        return keys

    def has_saved(self, user: ServiceUser, keys: SavedKeys) -> bool:
        """Return whether the entries that `user` has are in one of these records, which are durable."""
        own = _keys(user)
        return keys.has(own["PartitionKey"], own["RowKey"])

    async def claim(
        self, user: ServiceUser, claim: Claim, action: Action, before: DialIn | None = None
    ) -> None:
        """Save the third party's entries of `user`, and claim the change that destroys them.

        before: what a user had who gets only a number.
        BusyError: another attempt holds the claim. Errors of `save_entries`: not saved, so nothing may
        be changed.
        """
        user = _with_what_is_lost(user)
        mark = {"claimed_by": claim.by, "claimed_at": claim.at, **_begin(claim, action, before)}
        new = _new_row(user, claim.at)
        if await self._table.insert({**new, **mark}):
            return
        row = await self._table.get(new["PartitionKey"], new["RowKey"])
        if row is None:
            raise BusyError("another attempt has just removed what was saved of this user")
        known = _without_cancelled(row)
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

    async def cancel(self, user: ServiceUser, now: datetime, *, number: bool = False) -> None:
        """Remember that a change did not happen, and give the claim up, unless it was on a number alone."""
        user = _with_what_is_lost(user)
        mark = "number_cancelled_at" if number else "cancelled_at"
        await self._table.merge({**_keys(user), mark: now})

    async def begun(self, user_id: str) -> list[BegunChange]:
        """Return the changes that were begun and not cancelled, newest first, those of numbers last."""
        rows = await self._rows(user_id, [*_KEYS, "provider", *_BEGUN, *_CLAIMED, *_NUMBER])
        moves = sorted(filter(_began_move, rows), key=_begun_at, reverse=True)
        numbers = sorted(filter(_began_number, rows), key=_number_at, reverse=True)
        begun = list(map(_begun_move, moves))
        for row in numbers:
            with suppress(UnreadableRowError):
                begun.append(self._table.decode(row, _begun_number))
        return begun

    async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:
        """Claim the last begun change, to tell of it; BusyError: another attempt holds it.

        It stays a change of the run for which it was begun. number: that of a number alone.
        """
        began, at = (_began_number, _number_at) if number else (_began_move, _begun_at)
        row = max(filter(began, await self._rows(user_id)), key=at, default=None)
        known = _without_cancelled(row or {})
        if row is None or _is_held(known, claim):
            raise BusyError("another attempt is moving this user")
        taken = {**known, "claimed_by": claim.by, "claimed_at": claim.at}
        if not number:
            taken = {"begun_run": "", **taken, "begun_by": claim.by}
        if not await self._table.replace_if_unchanged(taken, str(row.metadata["etag"])):
            raise BusyError("another attempt has just taken this user over")

    async def _rows(self, user_id: str, select: Sequence[str] | None = None) -> list[TableEntity]:
        rows = self._table.query("PartitionKey eq @user", {"user": user_id}, select)
        return [row async for row in rows]

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


def _begin(claim: Claim, action: Action, before: DialIn | None) -> dict[str, Any]:
    """Return what a row says of the change that begins."""
    if action is Action.SET_NUMBER:
        had = encode_dial_in(before or DialIn())
        return {_FOR_NUMBER: claim.at, "number_run": claim.run or "", "number_before": had}
    mark = _FOR_BRIDGE if action is Action.CHANGE_BRIDGE else _FOR_MOVE
    return {mark: claim.at, "begun_by": claim.by, "begun_run": claim.run or ""}


def _begun_at(row: Mapping[str, Any]) -> datetime:
    return max(_time(row, _FOR_MOVE), _time(row, _FOR_BRIDGE))


def _began_move(row: Mapping[str, Any]) -> bool:
    return _begun_at(row) > _NEVER and not _is_cancelled(row)


def _number_at(row: Mapping[str, Any]) -> datetime:
    return _time(row, _FOR_NUMBER)


def _began_number(row: Mapping[str, Any]) -> bool:
    return _number_at(row) > _time(row, "number_cancelled_at")


def _without_cancelled(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without a change that did not happen, which a new claim would make begun again."""
    gone = {*_BEGUN, *_CLAIMED} if _is_cancelled(row) else set()
    return {name: value for name, value in row.items() if name not in gone}


def _time(row: Mapping[str, Any], name: str) -> datetime:
    value = row.get(name)
    return value if isinstance(value, datetime) else _NEVER


def _begun_move(row: Mapping[str, Any]) -> BegunChange:
    """Return the change that a row says was begun last; its claim is None in rows of versions before."""
    at, by = _begun_at(row), row.get("begun_by")
    provider = MICROSOFT if row.get(_FOR_BRIDGE) == at else str(row.get("provider", ""))
    run = str(row.get("begun_run") or "") or None
    return BegunChange(provider, at, Claim(str(by), at, run) if by else None)


def _begun_number(row: dict[str, Any]) -> BegunChange:
    at, run = _time(row, _FOR_NUMBER), str(row.get("number_run") or "") or None
    had = decode_dial_in(row, "number_before")
    return BegunChange(MICROSOFT, at, Claim(field(row, "claimed_by", str), at, run), had)


def _is_held(row: Mapping[str, Any], claim: Claim) -> bool:
    by = row.get("claimed_by")
    return bool(by) and Claim(str(by), _time(row, "claimed_at")).keeps_out(claim)


def _is_cancelled(row: Mapping[str, Any]) -> bool:
    begun = max(_begun_at(row), _time(row, "claimed_at"))
    return bool(begun <= _time(row, "cancelled_at"))


def _keys(saved: ServiceUser | ConferencingUser) -> dict[str, str]:
    if isinstance(saved, ServiceUser):
        plain = [replace(each, other="") if each.other else each for each in saved.entries]
        text = _encode(plain if len(plain) == 1 else sorted(plain, key=_BY_FIELDS))
    else:
        text = _encode_conferencing(saved)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {"PartitionKey": saved.id, "RowKey": digest}


def _encode(entries: Sequence[ProviderEntry]) -> str:
    listed = [{name: getattr(entry, name) for name in _FIELDS} for entry in entries]
    for entry in listed:
        if not entry["other"]:
            del entry["other"]
    return _JSON(listed)


def _encode_conferencing(user: ConferencingUser) -> str:
    return _JSON(asdict(user))


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
