"""The storage account's tables, below `shared.storage`: what the SDK's clients would do.

The app's own table classes run over it, so that keys, ETags and queries are inside the simulation.
"""

import operator
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableEntity, TransactionOperation, UpdateMode

from shared.storage.rows import units
from tests.simulation.fate import Gate, Process

_PAGE: Final = 1_000
_LONGEST: Final = 32 * 1024
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}

Keys = tuple[str, str]
Row = dict[str, Any]


@dataclass
class Account:
    """The tables of one storage account, by name, and everybody who writes them."""

    tables: dict[str, dict[Keys, Row]] = field(default_factory=dict)
    watchers: list[Callable[[Process, str, Keys], None]] = field(default_factory=list)
    """Called at each write."""
    version: int = 0
    """Grows with each write."""

    def rows(self, table: str) -> list[Row]:
        """Return every row as it is now, without asking anybody: for rules, not for the app."""
        return list(self.tables.get(table, {}).values())

    def stamp(self, row: Row) -> Row:
        """Return a row with an ETag of its own."""
        self.version += 1
        return {**row, "_etag": f"W/{self.version}"}


class TableService:
    """What `shared.storage.tables.Tables` stands on, in one process."""

    def __init__(self, account: Account, gate: Gate, process: Process) -> None:
        self._parts = account, gate, process

    def get_table_client(self, name: str) -> "TableClient":
        return TableClient(name, *self._parts)

    async def close(self) -> None:
        """Nothing is open."""


class TableClient:
    """What `shared.storage.tables.Table` stands on."""

    def __init__(self, name: str, account: Account, gate: Gate, process: Process) -> None:
        self._name = name
        self._account = account
        self._gate = gate
        self._process = process
        self._rows = account.tables.setdefault(name, {})

    async def create_table(self) -> None:
        raise ResourceExistsError("it is there")

    async def get_entity(self, partition: str, row: str) -> TableEntity:
        def read() -> TableEntity:
            if (found := self._rows.get((partition, row))) is None:
                raise ResourceNotFoundError("no such entity")
            return self._entity(found)

        return await self._call("get", read)

    async def create_entity(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        def write() -> dict[str, Any]:
            if _keys(entity) in self._rows:
                raise ResourceExistsError("it is there")
            return self._write(entity, None)

        return await self._call("insert", write, conflict=ResourceExistsError("it is there"))

    async def upsert_entity(self, entity: Mapping[str, Any], *, mode: UpdateMode) -> None:
        await self._call("upsert", lambda: self._write(entity, mode))

    async def update_entity(
        self,
        entity: Mapping[str, Any],
        *,
        mode: UpdateMode,
        etag: str | None = None,
        match_condition: object = None,
    ) -> dict[str, Any]:
        def write() -> dict[str, Any]:
            self._check(_keys(entity), etag if match_condition else None)
            return self._write(entity, mode)

        conflict = ResourceModifiedError("changed") if match_condition else None
        return await self._call("update", write, conflict=conflict)

    async def delete_entity(
        self, *keys: Any, etag: str | None = None, match_condition: object = None
    ) -> None:
        where = keys if len(keys) > 1 else _keys(keys[0])

        def remove() -> None:
            self._check(where, etag if match_condition else None)
            self._remove(where)

        await self._call("delete", remove)

    async def submit_transaction(self, operations: Sequence[tuple[Any, ...]]) -> None:
        def write() -> None:
            for what, entity, *_ in operations:
                if what in (TransactionOperation.DELETE, TransactionOperation.UPDATE):
                    self._check(_keys(entity), None)
                elif what is TransactionOperation.CREATE and _keys(entity) in self._rows:
                    exists = ResourceExistsError("it is there")
                    exists.status_code = 409
                    raise exists
            for what, entity, *options in operations:
                if what is TransactionOperation.DELETE:
                    self._remove(_keys(entity))
                else:
                    mode = options[0].get("mode") if options else None
                    self._write(entity, mode or UpdateMode.MERGE)

        await self._call("transaction", write)

    async def query_entities(
        self,
        text: str,
        *,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        results_per_page: int | None = None,
    ) -> AsyncIterator[TableEntity]:
        after: Keys = ("", "")
        while True:
            start = after

            def read() -> list[Keys]:
                matching = (
                    keys
                    for keys, row in self._rows.items()
                    if keys > start and _matches(text, parameters, row)  # noqa: B023
                )
                return sorted(matching)[:_PAGE]

            found = await self._call("query", read)
            for keys in found:
                if (row := self._rows.get(keys)) is not None:
                    names = [*select, "_etag", "_at"] if select else row
                    yield self._entity({name: row[name] for name in names if name in row})
            if len(found) < _PAGE:
                return
            after = found[-1]

    async def _call[T](
        self, what: str, effect: Callable[[], T], conflict: AzureError | None = None
    ) -> T:
        happened = False

        def once() -> T:
            nonlocal happened
            value = effect()
            happened = True
            return value

        def error() -> Exception:
            # The SDK tries again by itself, and then meets what its own first try has written.
            return conflict if happened and conflict else HttpResponseError("503")

        return await self._gate.call(self._process, f"table.{self._name}.{what}", once, error)

    def _write(self, entity: Mapping[str, Any], mode: UpdateMode | None) -> dict[str, Any]:
        given = {name: value for name, value in entity.items() if value is not None}
        if any(isinstance(value, str) and units(value) > _LONGEST for value in given.values()):
            refused = HttpResponseError("PropertyValueTooLarge")
            refused.status_code = 400
            raise refused
        keys = _keys(entity)
        old = self._rows.get(keys, {}) if mode is UpdateMode.MERGE else {}
        self._rows[keys] = self._account.stamp(
            {**old, **given, "_at": self._process.clock.now() - self._process.clock.skew}
        )
        self._tell(keys)
        return {"etag": self._rows[keys]["_etag"]}

    def _remove(self, keys: Keys) -> None:
        del self._rows[keys]
        self._account.version += 1
        self._tell(keys)

    def _tell(self, keys: Keys) -> None:
        for watcher in self._account.watchers:
            watcher(self._process, self._name, keys)

    def _check(self, keys: Keys, etag: str | None) -> None:
        if (row := self._rows.get(keys)) is None:
            raise ResourceNotFoundError("no such entity")
        if etag is not None and row["_etag"] != etag:
            raise ResourceModifiedError("changed")

    def _entity(self, row: Row) -> TableEntity:
        entity = TableEntity({name: row[name] for name in row if not name.startswith("_")})
        at: datetime | None = row.get("_at")
        entity._metadata = {"etag": row.get("_etag"), "timestamp": at}
        return entity


def _keys(entity: Mapping[str, Any]) -> Keys:
    return entity["PartitionKey"], entity["RowKey"]


def _matches(text: str, parameters: Mapping[str, Any], row: Row) -> bool:
    return any(
        all(
            row.get(name) is not None and _compared(compare, row[name], _value(wanted, parameters))
            for name, compare, wanted in clauses
        )
        for clauses in _alternatives(text)
    )


def _compared(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    """Return whether a property matches; one of another type does not, as in Azure."""
    return isinstance(value, type(wanted)) and compare(value, wanted)


def _value(text: str, parameters: Mapping[str, Any]) -> Any:
    if text[0] == "@":
        return parameters[text[1:]]
    return text[1:-1] if text[0] == "'" else text == "true"


@cache
def _alternatives(text: str) -> list[list[tuple[str, Callable[[Any, Any], bool], str]]]:
    """Read `A eq @x and B le 'y' or C eq false`; any other form is a gap of this module."""
    return [[_clause(part, text) for part in each.split(" and ")] for each in text.split(" or ")]


def _clause(part: str, text: str) -> tuple[str, Callable[[Any, Any], bool], str]:
    found = re.fullmatch(r"(\w+) (eq|ne|lt|le|gt|ge) (@\w+|'[^']*'|true|false)", part)
    if found is None:
        raise NotImplementedError(f"the simulated tables do not know the filter {text!r}")
    return found[1], _OPERATORS[found[2]], found[3]
