"""What is written to and read from the tables is what the SDK would write and read."""

import email
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from azure.core import MatchConditions
from azure.data.tables import EdmType, EntityProperty, UpdateMode
from azure.data.tables._deserialize import _convert_to_entity
from azure.data.tables._generated.aio._configuration import AzureTableConfiguration
from azure.data.tables._generated.operations._operations import build_table_query_entities_request
from azure.data.tables._serialize import _add_entity_properties, _parameter_filter_substitution
from azure.data.tables._table_batch import TableBatchOperations
from hypothesis import example, given
from hypothesis import strategies as st

from shared.storage import wire
from shared.storage.wire import Change, Verb

ROOT = "https://account.table.core.windows.net"
ETAG = "W/\"datetime'2026-11-24T10%3A00%3A00.1234567Z'\""
_COMPARED = {"x-ms-version", "DataServiceVersion", "Content-Type", "If-Match"}
USER = {
    "PartitionKey": "users",
    "RowKey": "l|Zoë O'Neil@contoso.com|a/b?#%",
    "name": "Zoë \r\n--x",
    "at": datetime.now(UTC),
}
USERS = [USER, *({**USER, "RowKey": key} for key in ("'", "ü %2F"))]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
times = st.datetimes(
    datetime.fromisoformat("1601-01-01"),
    datetime.fromisoformat("9998-12-31"),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))]),
)
values = st.one_of(
    st.none(),
    texts,
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: EntityProperty(number, EdmType.INT64)),
    st.floats(allow_nan=False, allow_infinity=False),
    times,
    st.binary(max_size=30),
)
keys = st.fixed_dictionaries({"PartitionKey": texts.filter(bool), "RowKey": texts.filter(bool)})
entities = st.builds(
    dict.__or__, st.dictionaries(st.from_regex("[a-z_]{1,9}", fullmatch=True), values), keys
)


Part = tuple[str, str, dict[str, str], Any]
"""Verb, address, headers and body of a change; of the headers those that are the same for all verbs."""


def part(verb: str, address: str, headers: Mapping[str, str], body: str) -> Part:
    """A change as it is compared: its length is checked here, and what it accepts says little."""
    if body:
        assert headers["Content-Length"] == f"{len(body)}"
    said = {name: text for name, text in headers.items() if name in _COMPARED}
    return verb, address, said, json.loads(body) if body else None


def parts(sent: wire.Call) -> list[Part]:
    """The changes of a transaction, read as a mail message is."""
    found = []
    message = email.message_from_bytes(
        f"Content-Type: {sent.headers['Content-Type']}\r\n\r\n{sent.body}".encode()
    )
    changesets: Any = message.get_payload()
    for each in changesets[0].get_payload():
        start, _, rest = str(each.get_payload()).partition("\r\n")
        inner = email.message_from_string(rest)
        verb, address, version = start.split(" ")
        assert version == "HTTP/1.1"
        found.append(part(verb, address, dict(inner.items()), str(inner.get_payload()).strip()))
    return found


def of_the_sdk(changes: list[Change]) -> list[Part]:
    """What the SDK would send."""
    batch = TableBatchOperations(AzureTableConfiguration(ROOT), ROOT, "roster")
    modes = {Verb.REPLACE: UpdateMode.REPLACE, Verb.MERGE: UpdateMode.MERGE}
    for verb, entity, if_match in changes:
        options: dict[str, Any] = {"mode": modes[verb]} if verb in modes else {}
        if if_match not in ("", "*"):
            options |= {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        if verb is Verb.INSERT:
            batch.create(entity)
        elif verb is Verb.DELETE:
            batch.delete(entity, **options)
        elif if_match:
            batch.update(entity, **options)
        else:
            batch.upsert(entity, **options)
    return [
        part(sent.method, sent.url, sent.headers, str(sent.content or ""))
        for sent in batch.requests
    ]


def plain(told: Part) -> Part:
    """A part without the types of strings, which tables need not be told."""
    verb, address, headers, body = told
    kept = body and {name: value for name, value in body.items() if value != "Edm.String"}
    return verb, address, headers, kept


@pytest.mark.parametrize("if_match", ["", "*", ETAG])
@pytest.mark.parametrize("verb", Verb)
def test_a_transaction_says_what_the_sdk_would_say(verb: Verb, if_match: str) -> None:
    """Verb, address, ETag and properties of each change, with names that need care in each of these."""
    changes = [Change(verb, each, if_match if verb is not Verb.INSERT else "") for each in USERS]
    sent = wire.transaction(ROOT, "roster", changes)
    assert (sent.verb, sent.address) == ("POST", f"{ROOT}/$batch")
    assert parts(sent) == [plain(each) for each in of_the_sdk(changes)]
    alone = [wire.change(f"{ROOT}/roster", each) for each in changes]
    assert [(each.verb, each.address) for each in alone] == [each[:2] for each in parts(sent)]


@given(entities)
@example({"PartitionKey": "p", "RowKey": "r", "text": "--changeset\r\n\r\nHTTP/1.1 400"})
def test_any_entity_is_written_as_the_sdk_does_and_read_as_it_was(entity: dict[str, Any]) -> None:
    """Every type of value, and the longest; None is left out."""
    ((*_, written),) = parts(wire.transaction(ROOT, "roster", [Change(Verb.INSERT, entity)]))
    expected = _add_entity_properties(entity)
    assert written == {name: value for name, value in expected.items() if value != "Edm.String"}
    assert wire.entity(written) == {
        name: value for name, value in entity.items() if value is not None
    }


def test_a_row_is_read_as_the_sdk_reads_it() -> None:
    """Values of each type, the ETag, and when the storage wrote it."""
    row = {
        "odata.etag": ETAG,
        "PartitionKey": "p",
        "RowKey": "r",
        "Timestamp": "2026-11-24T10:00:00.1234567Z",
        "id@odata.type": "Edm.Guid",
        "id": "0c266dff-15dd-4b49-8397-2bb16070ed52",
        "day@odata.type": "Edm.DateTime",
        "day": "2026-11-24T10:00:00Z",
        "far@odata.type": "Edm.Int64",
        "far": "9007199254740993",
        "odd@odata.type": "Edm.Double",
        "odd": "NaN",
        "count": 3,
        "yes": True,
    }
    read, expected = wire.entity(row), _convert_to_entity(row)  # type: ignore[no-untyped-call]
    assert read.pop("odd") != expected.pop("odd"), "not a number"
    assert read == expected
    assert read.metadata == expected.metadata
    assert read["id"] == UUID("0c266dff-15dd-4b49-8397-2bb16070ed52")


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.one_of(texts, times, st.booleans(), st.integers(2, 9))
    )
)
def test_a_page_is_asked_for_as_the_sdk_does(parameters: Mapping[str, Any]) -> None:
    """Quotes are doubled, times are in UTC; a parameter's value is never looked at for another's name."""
    text = " and ".join(f"{name} eq @{name}" for name in parameters) or "true"
    after = {"NextPartitionKey": "1!8!dXNlcnM-", "NextRowKey": "1!4!+/=="}
    mine = wire.query(ROOT, text, parameters, select=["RowKey", "listed"], page=10, after=after)
    theirs = build_table_query_entities_request(
        table="",
        top=10,
        select="RowKey,listed",
        filter=_parameter_filter_substitution(dict(parameters), text),
        next_partition_key=after["NextPartitionKey"],
        next_row_key=after["NextRowKey"],
    )
    asked = [sorted(url.partition("?")[2].split("&")) for url in (mine.address, theirs.url)]
    assert asked[0] == asked[1]
    assert mine.headers == dict(theirs.headers)


def test_what_tables_cannot_hold_is_an_error_that_names_it() -> None:
    """A list as a property, and as a filter's parameter."""
    with pytest.raises(TypeError, match="days is of type list"):
        wire.change(ROOT, Change(Verb.INSERT, {"PartitionKey": "p", "RowKey": "r", "days": [1]}))
    with pytest.raises(TypeError, match="no literal for list"):
        wire.query(ROOT, "days eq @days", {"days": [1]})


def test_the_statuses_of_an_answer_are_those_of_its_parts() -> None:
    """Not of what a message within says."""
    answer = (
        "--x\r\nHTTP/1.1 204 No Content\r\n\r\n--x\r\nHTTP/1.1 409 Conflict\r\n\r\nnot HTTP/1.1 500"
    )
    assert wire.statuses(answer) == [204, 409]


def test_the_code_of_an_error_is_found() -> None:
    """In an answer, in a part of one, and nowhere."""
    answer = '{"odata.error":{"code":"EntityAlreadyExists","message":{"value":"1:is there"}}}'
    assert wire.error_code(answer) == "EntityAlreadyExists"
    assert wire.error_code("<html>busy</html>") == ""
