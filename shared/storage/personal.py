"""Find and delete one person in every table that `shared.domain.stored` says holds personal data.

Names are compared without case, which the tables' own filters cannot do: so tables that have rows of many
users by name are read through, a page at a time. A row that cannot be read is passed over and counted.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from azure.data.tables import TableEntity

from shared.domain.stored import Person
from shared.errors import BusyError, UnreadableRowError
from shared.storage.roster import RosterTable
from shared.storage.rows import field, json_field
from shared.storage.state import EXCLUDED, STATE
from shared.storage.tables import Table, Tables
from shared.text import is_canonical, packed

_TRIES: Final = 5
_OF_USERS: Final = ("x-mailed-", "x-numbers-")
_OLD_LISTS: Final = ("due", "attention")
_NAMED: Final = ("users", "replacedproviders", "waiting", "runresults", "history")
"""Tables whose rows have a user's id and the address that the user had then."""


class PersonalTables:
    """The tables, by person."""

    def __init__(self, tables: Tables) -> None:
        self._tables = {name: tables.table(name) for name in FORGETTERS}

    async def ids_of(self, name: str) -> set[str]:
        """Return the ids of the users about whom something is stored under an address."""
        ids: set[str] = set()
        for table in _NAMED:
            columns = ["PartitionKey", "RowKey", "upn"]
            async for row in _all(self._tables[table], columns):
                if str(row.get("upn", "")).lower() == name.lower():
                    ids |= {key for key in map(str, row.values()) if is_canonical(key)}
        return ids

    async def names_of(self, user_id: str) -> set[str]:
        """Return the addresses under which something is stored about a user, in lower case."""
        names: set[str] = set()
        for table in _NAMED:
            key = "PartitionKey" if table in ("replacedproviders", "history") else "RowKey"
            rows = self._tables[table].query(f"{key} eq @user", {"user": user_id}, ["upn"])
            names |= {str(row.get("upn") or "").lower() async for row in rows}
        return names - {""}

    async def forget(self, table: str, person: Person) -> int:
        """Delete a person from a table; return from how many rows."""
        return await FORGETTERS[table](self._tables[table], person)


async def _from_row_of_id(table: Table, person: Person) -> int:
    return await _delete(table, person.id[0], person.id)


async def _from_partition(table: Table, person: Person) -> int:
    deleted = 0
    keys = {"user": person.id}
    while count := await table.delete_some("PartitionKey eq @user", keys):
        deleted += count
    return deleted


async def _from_guard(table: Table, person: Person) -> int:
    rows = table.query("user eq @user", {"user": person.id}, ["PartitionKey", "RowKey"])
    found = [(str(row["PartitionKey"]), str(row["RowKey"])) async for row in rows]
    return sum([await _delete(table, *keys) for keys in found])


async def _from_roster(table: Table, person: Person) -> int:
    roster = RosterTable(table)
    known = await roster.of(person.id)
    await roster.remove([person.id], datetime.now(UTC))
    return 0 if known is None else 1


async def _from_waiting(table: Table, person: Person) -> int:
    lists = (person.id[0], *_OLD_LISTS)
    return sum([await _delete(table, partition, person.id) for partition in lists])


async def _from_results(table: Table, person: Person) -> int:
    columns = ["PartitionKey", "RowKey", "name"]
    found = [
        (str(row["PartitionKey"]), str(row["RowKey"]))
        async for row in _all(table, columns)
        if row["RowKey"] == person.id or str(row.get("name", "")).lower() in person.names
    ]
    return sum([await _delete(table, *keys) for keys in found])


async def _from_requests(table: Table, person: Person) -> int:
    changed = 0
    columns = ["PartitionKey", "RowKey", "names", "own_numbers"]
    theirs = person.names | {person.id}

    def without(row: Mapping[str, Any]) -> dict[str, Any]:
        names = json_field(row, "names", list)
        others = [name for name in names if name.lower() not in theirs]
        if others == names:
            return {}
        found = {"names": json.dumps(others, ensure_ascii=False)}
        if row.get("own_numbers"):
            own = json_field(row, "own_numbers", dict)
            kept = {name: numbers for name, numbers in own.items() if name not in theirs}
            found["own_numbers"] = json.dumps(kept, ensure_ascii=False)
        return found

    async for row in _all(table, columns):
        if row["RowKey"] in [f"{prefix}{person.id}" for prefix in _OF_USERS]:
            changed += await _delete(table, str(row["PartitionKey"]), str(row["RowKey"]))
        elif "names" in row:
            changed += await _take_out(table, row, without)
    return changed


async def _from_plans(table: Table, person: Person) -> int:
    changed = 0
    its = packed(person.id)

    def without(row: Mapping[str, Any]) -> dict[str, Any]:
        lists = {name: field(row, name, bytes) for name in ("licensed", "to_queue")}
        others = {name: _unpacked_without(ids, its) for name, ids in lists.items()}
        return others if others != lists else {}

    async for row in _all(table, None):
        changed += await _take_out(table, row, without)
    return changed


async def _from_state(table: Table, person: Person) -> int:
    """Forget the id of an excluded name; the caller keeps who is still excluded by name."""
    row = await table.get(STATE, EXCLUDED)

    def without(row: Mapping[str, Any]) -> dict[str, Any]:
        known = json_field(row, "value", dict)
        others = {name: one for name, one in known.items() if one != person.id}
        return {"value": json.dumps(others)} if others != known else {}

    return 0 if row is None else await _take_out(table, row, without)


FORGETTERS: Final[Mapping[str, Callable[[Table, Person], Awaitable[int]]]] = {
    # Names are gathered from the later ones, so these go first.
    "requests": _from_requests,
    "runresults": _from_results,
    "plans": _from_plans,
    "state": _from_state,
    "waiting": _from_waiting,
    "held": _from_row_of_id,
    "guard": _from_guard,
    "roster": _from_roster,
    "history": _from_partition,
    "replacedproviders": _from_partition,
    "users": _from_row_of_id,
}
"""What deletes a person from each table with personal data, in the order in which it is done."""


async def _all(table: Table, columns: list[str] | None) -> AsyncIterator[TableEntity]:
    async for row in table.query("PartitionKey ge @first", {"first": "0"}, columns):
        yield row


async def _delete(table: Table, partition: str, row: str) -> int:
    """Delete a row; return whether it was there."""
    if await table.get(partition, row) is None:
        return 0
    await table.delete(partition, row)
    return 1


async def _take_out(
    table: Table, row: TableEntity, change: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> int:
    """Take the person out of a row that others may be changing; return whether it named the person.

    change: returns the properties without the person; nothing where they do not name the person.
    """
    known: TableEntity | None = row
    keys = {"PartitionKey": str(row["PartitionKey"]), "RowKey": str(row["RowKey"])}
    for _ in range(_TRIES):
        try:
            changed = table.decode(known, change) if known else {}
        except UnreadableRowError:
            return 0
        if known is None or not changed:
            return 0
        if await table.merge_if_unchanged({**keys, **changed}, str(known.metadata["etag"])):
            return 1
        known = await table.get(*keys.values())
    raise BusyError(f"row {keys['RowKey']!r} keeps being changed by a run; try again later")


def _unpacked_without(data: bytes, packed: bytes) -> bytes:
    parts = (data[at : at + 16] for at in range(0, len(data), 16))
    return b"".join(part for part in parts if part != packed)
