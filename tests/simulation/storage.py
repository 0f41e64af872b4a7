"""The storage account's tables, below `shared.storage`: what the SDK's clients would do.

The app's own table classes run over it, so that keys, ETags and queries are inside the simulation.
"""

import operator
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableEntity

from shared.storage.rows import units
from shared.storage.wire import Change, Verb
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

    async def create(self) -> None:
        """It is there."""

    def read(self, partition: str, row: str) -> Awaitable[TableEntity]:
        def read() -> TableEntity:
            if (found := self._rows.get((partition, row))) is None:
                raise _NotFoundError
            return _entity(found)

        return self._call("get", read)

    def change(self, wanted: Change) -> Awaitable[str]:
        verb, _, if_match = wanted

        def write() -> str:
            self._check(wanted)
            return self._write(wanted)

        if verb is Verb.INSERT:
            return self._call("insert", write, conflict=ResourceExistsError)
        if verb is Verb.DELETE:
            return self._call("delete", write)
        conflict = ResourceModifiedError if if_match not in ("", "*") else None
        return self._call("update" if if_match else "upsert", write, conflict=conflict)

    def transact(self, changes: Sequence[Change]) -> Awaitable[None]:
        def write() -> None:
            for each in changes:
                self._check(each)
            for each in changes:
                self._write(each)

        return self._call("transaction", write)

    async def pages(
        self,
        text: str,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        page: int | None = None,
    ) -> AsyncIterator[list[TableEntity]]:
        after: Keys = ("", "")
        matches = _filter(text, parameters)
        while True:
            start = after

            def read() -> list[Keys]:
                # Keys that matched are few: sorted afterwards.
                return sorted(
                    keys
                    for keys, row in self._rows.items()
                    if matches(row) and keys > start  # noqa: B023
                )[:_PAGE]

            found = await self._call("query", read)
            rows = [row for keys in found if (row := self._rows.get(keys)) is not None]
            names = {*select, "_etag", "_at"} if select else None
            yield [
                _entity({name: row[name] for name in row if names is None or name in names})
                for row in rows
            ]
            if len(found) < _PAGE:
                return
            after = found[-1]

    def _call[T](
        self, what: str, effect: Callable[[], T], conflict: type[HttpResponseError] | None = None
    ) -> Awaitable[T]:
        happened = False

        def once() -> T:
            nonlocal happened
            value = effect()
            happened = True
            return value

        def error() -> Exception:
            # The SDK tries again by itself, and then meets what its own first try has written.
            return conflict("conflict") if happened and conflict else HttpResponseError("503")

        site = f"table.{self._name}.{what}"
        return self._gate.call(self._process, site, once if conflict else effect, error)

    def _write(self, wanted: Change) -> str:
        """Carry out a change; return the new ETag."""
        verb, entity, _ = wanted
        keys = _keys(entity)
        if verb is Verb.DELETE:
            self._remove(keys)
            return ""
        given = {name: value for name, value in entity.items() if value is not None}
        for value in given.values():
            if isinstance(value, str) and _is_too_long(value):
                refused = HttpResponseError("PropertyValueTooLarge")
                refused.status_code = 400
                raise refused
        old = self._rows.get(keys, {}) if verb is Verb.MERGE else {}
        self._rows[keys] = self._account.stamp(
            {**old, **given, "_at": self._process.clock.now() - self._process.clock.skew}
        )
        self._tell(keys)
        return str(self._rows[keys]["_etag"])

    def _remove(self, keys: Keys) -> None:
        del self._rows[keys]
        self._account.version += 1
        self._tell(keys)

    def _tell(self, keys: Keys) -> None:
        for watcher in self._account.watchers:
            watcher(self._process, self._name, keys)

    def _check(self, wanted: Change) -> None:
        """Raise what the storage says where a change cannot be."""
        verb, entity, if_match = wanted
        row = self._rows.get(_keys(entity))
        if verb is Verb.INSERT and row is not None:
            raise ResourceExistsError("it is there")
        if row is None and (if_match or verb is Verb.DELETE):
            raise _NotFoundError
        if row is not None and if_match not in ("", "*", row["_etag"]):
            raise ResourceModifiedError("changed")


class _NotFoundError(ResourceNotFoundError):
    """The answer to a read of nothing, the most common one: made without a look at the stack."""

    message, status_code, error = "no such entity", 404, None

    def __init__(self) -> None:
        Exception.__init__(self, self.message)


def _entity(row: Row) -> TableEntity:
    entity = TableEntity(row)
    entity._metadata = {"etag": entity.pop("_etag", None), "timestamp": entity.pop("_at", None)}
    return entity


def _is_too_long(text: str) -> bool:
    # A character is two units at most.
    return 2 * len(text) > _LONGEST and units(text) > _LONGEST


def _keys(entity: Mapping[str, Any]) -> Keys:
    return entity["PartitionKey"], entity["RowKey"]


def _filter(text: str, parameters: Mapping[str, Any]) -> Callable[[Row], bool]:
    """Return whether a row matches; a property of another type than the value does not, as in Azure."""
    alternatives = [
        [
            (name, compare, value, type(value))
            for name, compare, wanted in clauses
            for value in [_value(wanted, parameters)]
        ]
        for clauses in _alternatives(text)
    ]

    def matches(row: Row) -> bool:
        for clauses in alternatives:
            for name, compare, value, kind in clauses:
                its = row.get(name)
                if not isinstance(its, kind) or not compare(its, value):
                    break
            else:
                return True
        return False

    return matches


def _value(text: str, parameters: Mapping[str, Any]) -> Any:
    if text[0] == "@":
        return parameters[text[1:]]
    return text[1:-1] if text[0] == "'" else text == "true"


@cache
def _alternatives(text: str) -> list[list[tuple[str, Callable[[Any, Any], bool], str]]]:
    """Read `A eq @x and B le 'y' or C eq false`, or `A eq @x and ( B eq @y or B eq @z )`.

    Any other form is a gap of this module, also where the table is empty.
    """
    if inside := re.fullmatch(r"(.+) and \( (.+) \)", text):
        text = " or ".join(f"{inside[1]} and {each}" for each in inside[2].split(" or "))
    return [[_clause(part, text) for part in each.split(" and ")] for each in text.split(" or ")]


def _clause(part: str, text: str) -> tuple[str, Callable[[Any, Any], bool], str]:
    found = re.fullmatch(r"(\w+) (eq|ne|lt|le|gt|ge) (@\w+|'[^']*'|true|false)", part)
    if found is None:
        raise NotImplementedError(f"the simulated tables do not know the filter {text!r}")
    return found[1], _OPERATORS[found[2]], found[3]
