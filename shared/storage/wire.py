"""Calls to Azure Tables and their answers, as they are on the wire. Pure.

Formats: Azure Tables, "Insert Entity", "Performing entity group transactions", "Payload format for Table
service operations", "Querying tables and entities". Tests compare what is written and read here with the SDK.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from uuid import UUID, uuid4

from azure.data.tables import EdmType, EntityProperty, TableEntity

Entity = Mapping[str, Any]

API_VERSION: Final = "2019-02-02"
"""The version of the service that the SDK asks for, too."""
_USUAL: Final = {
    "x-ms-version": API_VERSION,
    "DataServiceVersion": "3.0",
    "Accept": "application/json;odata=minimalmetadata",
}
"""Of each call, and of each part of a transaction: else the storage reads Atom ("Payload format")."""
_SENDING: Final = {**_USUAL, "Content-Type": "application/json"}
_INSERTING: Final = {**_SENDING, "Prefer": "return-no-content"}
WRITTEN: Final = frozenset({201, 204})
"""The statuses of a change that was made; any other answer is no proof that anything was written."""
_OK: Final = frozenset({200})
_ACCEPTED: Final = frozenset({202})
_STATUS: Final = re.compile(r"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_CODE: Final = re.compile(r'"code"\s*:\s*"(\w+)"')
_PARAMETER: Final = re.compile(r"@(\w+)")
_INT32: Final = range(-(2**31), 2**31)
_TYPE: Final = "@odata.type"
_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    EdmType.BINARY.value: b64decode,
    EdmType.DATETIME.value: datetime.fromisoformat,
    EdmType.DOUBLE.value: float,
    EdmType.GUID.value: UUID,
    EdmType.INT64.value: lambda text: EntityProperty(int(text), EdmType.INT64),
}
"""How values are read of the types that JSON does not have."""


class Verb(StrEnum):
    """What to do with an entity."""

    INSERT = "POST"
    REPLACE = "PUT"
    MERGE = "PATCH"
    """Properties that are not given stay."""
    DELETE = "DELETE"


class Change(NamedTuple):
    """A change of one entity. if_match: the ETag it must have; "*": it must exist."""

    verb: Verb
    entity: Entity
    if_match: str = ""


class Call(NamedTuple):
    """A request to the storage, or a part of one. done: the statuses of an answer that says it is done."""

    verb: str
    address: str
    headers: Mapping[str, str]
    body: str
    done: frozenset[int]


def change(table: str, wanted: Change) -> Call:
    """Return the call for a change. table: the table's URL. TypeError: a value is of no type of tables."""
    verb, entity, if_match = wanted
    if verb is Verb.INSERT:
        return Call(verb, table, _INSERTING, json.dumps(_written(entity)), WRITTEN)
    address = key(table, entity["PartitionKey"], entity["RowKey"])
    if verb is Verb.DELETE:
        return Call(verb, address, {**_USUAL, "If-Match": if_match or "*"}, "", WRITTEN)
    headers = {**_SENDING, "If-Match": if_match} if if_match else _SENDING
    return Call(verb, address, headers, json.dumps(_written(entity)), WRITTEN)


def transaction(account: str, table: str, changes: Iterable[Change]) -> Call:
    """Return the call for several changes in a table, of one partition. account: its URL."""
    batch, changeset = f"batch_{uuid4()}", f"changeset_{uuid4()}"
    parts = [f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changeset}\r\n\r\n"]
    start = (
        f"--{changeset}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    )
    for each in changes:
        verb, address, headers, body, _ = change(f"{account}/{table}", each)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        parts.append(f"{start}\r\n{verb} {address} HTTP/1.1\r\n{lines}{length}\r\n{body}\r\n")
    parts.append(f"--{changeset}--\r\n\r\n--{batch}--\r\n")
    headers = {
        **_USUAL,
        "MaxDataServiceVersion": "3.0;NetFx",
        "Accept": "application/json",
        "Content-Type": f"multipart/mixed; boundary={batch}",
    }
    return Call("POST", f"{account}/$batch", headers, "".join(parts), _ACCEPTED)


def creation(account: str, table: str) -> Call:
    """Return the call that creates a table."""
    return Call("POST", f"{account}/Tables", _INSERTING, json.dumps({"TableName": table}), WRITTEN)


def reading(address: str) -> Call:
    """Return the call that reads from an address."""
    return Call("GET", address, _USUAL, "", _OK)


def statuses(answer: str) -> list[int]:
    """Return the status of each part of the answer to a transaction; if one failed, of that one alone."""
    return [int(status) for status in _STATUS.findall(answer)]


def error_code(answer: str) -> str:
    """Return the code that an answer gives for what is wrong, "" for none ("Table service error codes")."""
    found = _CODE.search(answer)
    return found[1] if found else ""


def key(table: str, partition: str, row: str) -> str:
    """Return the URL of an entity."""
    return f"{table}(PartitionKey='{_quoted(partition)}',RowKey='{_quoted(row)}')"


def query(
    table: str,
    text: str,
    parameters: Mapping[str, Any],
    *,
    select: Iterable[str] = (),
    page: int | None = None,
    after: Mapping[str, str] | None = None,
) -> Call:
    """Return the call for a page of the entities that an OData filter with `@name` parameters matches.

    after: what the answer to the page before says of the next. TypeError: a parameter has no literal.
    """
    asked = {
        "$filter": _PARAMETER.sub(lambda found: _literal(parameters[found[1]]), text),
        "$select": ",".join(select),
        "$top": f"{page or ''}",
        **(after or {}),
    }
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items() if value)
    return reading(f"{table}()?{words}")


def entity(fields: Mapping[str, Any]) -> TableEntity:
    """Return an entity from its JSON."""
    found = TableEntity(fields)
    for told in [name for name in fields if "odata." in name]:
        kind, name = found.pop(told), told.removesuffix(_TYPE)
        if name != told and name in found and (read := _READ.get(kind)):
            found[name] = read(found[name])
    at = found.pop("Timestamp", None)  # its type is not told
    written_at = datetime.fromisoformat(at) if isinstance(at, str) else None
    found._metadata = {"etag": fields.get("odata.etag"), "timestamp": written_at}
    return found


def _quoted(text: str) -> str:
    return quote(text.replace("'", "''"), safe="")


def _written(fields: Entity) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, str):  # nearly all are
            written[name] = value
        elif value is not None:
            written[name], kind = _typed(name, value)
            if kind:
                written[name + _TYPE] = kind
    return written


def _typed(name: str, value: object) -> tuple[object, str]:
    """Return a value as JSON has it, and the type that JSON does not have."""
    if isinstance(value, bool):
        return value, ""
    if isinstance(value, int):
        return (value, "") if value in _INT32 else (str(value), EdmType.INT64)
    if isinstance(value, datetime):
        return _time(value), EdmType.DATETIME
    if isinstance(value, float):
        return value, EdmType.DOUBLE
    if isinstance(value, bytes):
        return b64encode(value).decode(), EdmType.BINARY
    if isinstance(value, EntityProperty):
        return str(value.value), value.edm_type
    raise TypeError(f"{name} is of type {type(value).__name__}")


def _literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        return f"datetime'{_time(value)}'"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value}"
    raise TypeError(f"a filter has no literal for {type(value).__name__}")


def _time(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
