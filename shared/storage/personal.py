"""Find and delete one person in every table that `shared.domain.stored` says holds personal data.

Names are compared without case, which the tables' own filters cannot do: so tables that have rows of many
users by name are read through, a page at a time.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from azure.data.tables import TableEntity

from shared.domain.stored import Person
from shared.errors import BusyError
from shared.storage.state import EXCLUDED, STATE
from shared.storage.tables import Table, Tables

_TRIES: Final = 5
_MAILED: Final = "x-mailed-"
_OLD_LISTS: Final = ("due", "attention")
_NAMED: Final = ("users", "replacedproviders", "waiting", "runresults")
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
                    ids |= {key for key in map(str, row.values()) if _is_id(key)}
        return ids

    async def names_of(self, user_id: str) -> set[str]:
        """Return the addresses under which something is stored about a user, in lower case."""
        names: set[str] = set()
        for table in _NAMED:
            key = "PartitionKey" if table == "replacedproviders" else "RowKey"
            rows = self._tables[table].query(f"{key} eq @user", {"user": user_id}, ["upn"])
            names |= {str(row.get("upn") or "").lower() async for row in rows}
        return names - {""}

    async def forget(self, table: str, person: Person) -> int:
        """Delete a person from a table; return from how many rows."""
        return await FORGETTERS[table](self._tables[table], person)


async def _from_users(table: Table, person: Person) -> int:
    return await _delete(table, person.id[0], person.id)


async def _from_replaced(table: Table, person: Person) -> int:
    deleted = 0
    keys = {"user": person.id}
    while count := await table.delete_some("PartitionKey eq @user", keys):
        deleted += count
    return deleted


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
    columns = ["PartitionKey", "RowKey", "names"]
    theirs = person.names | {person.id}

    def without(row: TableEntity) -> dict[str, Any]:
        names = [name for name in json.loads(row["names"]) if name.lower() not in theirs]
        return {"names": json.dumps(names, ensure_ascii=False)}

    async for row in _all(table, columns):
        if row["RowKey"] == f"{_MAILED}{person.id}":
            changed += await _delete(table, str(row["PartitionKey"]), str(row["RowKey"]))
        elif "names" in row and any(name.lower() in theirs for name in json.loads(row["names"])):
            changed += await _rewrite(table, row, without)
    return changed


async def _from_plans(table: Table, person: Person) -> int:
    changed = 0
    packed = UUID(person.id).bytes

    def without(row: TableEntity) -> dict[str, Any]:
        return {name: _unpacked_without(row[name], packed) for name in ("licensed", "to_queue")}

    async for row in _all(table, None):
        if without(row) != {name: row[name] for name in ("licensed", "to_queue")}:
            changed += await _rewrite(table, row, without)
    return changed


async def _from_state(table: Table, person: Person) -> int:
    """Forget the id of an excluded name; the caller keeps who is still excluded by name."""
    row = await table.get(STATE, EXCLUDED)

    def without(row: TableEntity) -> dict[str, Any]:
        known = json.loads(row["value"]).items()
        return {"value": json.dumps({name: one for name, one in known if one != person.id})}

    if row is None or without(row)["value"] == json.dumps(json.loads(row["value"])):
        return 0
    return await _rewrite(table, row, without)


FORGETTERS: Final[Mapping[str, Callable[[Table, Person], Awaitable[int]]]] = {
    # Names are gathered from the later ones, so these go first.
    "requests": _from_requests,
    "runresults": _from_results,
    "plans": _from_plans,
    "state": _from_state,
    "waiting": _from_waiting,
    "replacedproviders": _from_replaced,
    "users": _from_users,
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


async def _rewrite(
    table: Table, row: TableEntity, change: Callable[[TableEntity], dict[str, Any]]
) -> int:
    """Change a row that others may be changing; return whether it was still there."""
    keys = str(row["PartitionKey"]), str(row["RowKey"])
    for _ in range(_TRIES):
        if (known := await table.get(*keys)) is None:
            return 0
        known.update(change(known))
        if await table.replace_if_unchanged(known, str(known.metadata["etag"])):
            return 1
    raise BusyError(f"row {keys[1]!r} keeps being changed by a run; try again later")


def _unpacked_without(data: bytes, packed: bytes) -> bytes:
    parts = (data[at : at + 16] for at in range(0, len(data), 16))
    return b"".join(part for part in parts if part != packed)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
