"""What a table makes of what the storage says: over real HTTP, with answers that Azurite does not give."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from local.azurite.server import ACCOUNT, KEY
from shared.errors import RowRefusedError, StorageError
from shared.storage.tables import Table, Tables
from shared.storage.wire import Change, Verb

ROW = {"PartitionKey": "p", "RowKey": "r"}
Work = Callable[[Table], Awaitable[object]]


def refusal(code: str) -> str:
    """The storage's words for a code."""
    return json.dumps({"odata.error": {"code": code, "message": {"value": "1:HTTP/1.1 204"}}})


def part(status: int, code: str = "") -> str:
    """A part of the answer to a transaction."""
    body = refusal(code) if code else ""
    return f"--x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {status} Said\r\n\r\n{body}\r\n"


@asynccontextmanager
async def answering(status: int, body: str, breaks: int = 0) -> AsyncIterator[Table]:
    """A table of a storage that answers everything so, but that the table is there.

    breaks: how many answers break off before their end.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal breaks
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            lines = head.decode().casefold().splitlines()
            length = next(
                (line.split(":")[1] for line in lines if line.startswith("content-length")), "0"
            )
            await reader.readexactly(int(length))
            is_there = "/tables" in lines[0]
            said, text = (409, refusal("TableAlreadyExists")) if is_there else (status, body)
            about = f"Content-Type: application/json\r\nContent-Length: {len(text)}"
            answer = f"HTTP/1.1 {said} Said\r\n{about}\r\n\r\n{text}"
            if not is_there and breaks:
                breaks -= 1
                writer.write(answer.encode()[:-5])
                writer.close()
                return
            writer.write(answer.encode())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    connection = f"AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={address}/{ACCOUNT};"
    tables = Tables.open("said", connection=connection)
    async with server:
        try:
            yield tables.table("state")
        finally:
            await tables.close()


async def insert(table: Table) -> object:
    """Write a new row."""
    return await table.insert(ROW)


async def replace(table: Table) -> object:
    """Write a row that was read."""
    return await table.replace_if_unchanged(ROW, "W/1")


async def remove(table: Table) -> object:
    """Remove a row, whether or not it is there."""
    await table.delete("p", "r")
    return None


async def get(table: Table) -> object:
    """Read a row."""
    return await table.get("p", "r")


async def query(table: Table) -> object:
    """Read all rows."""
    return [row async for row in table.query("RowKey gt @r", {"r": ""})]


async def transact(table: Table) -> object:
    """Write two rows."""
    return await table.transact([Change(Verb.INSERT, ROW), Change(Verb.MERGE, ROW)])


@pytest.mark.parametrize(
    ("work", "status", "body", "expected"),
    [
        (insert, 409, refusal("EntityAlreadyExists"), ""),
        (replace, 412, refusal("UpdateConditionNotSatisfied"), ""),
        (replace, 404, refusal("ResourceNotFound"), ""),
        (remove, 404, refusal("ResourceNotFound"), None),
        (get, 404, refusal("ResourceNotFound"), None),
        (transact, 202, part(204) + part(204), True),
        (transact, 202, part(409, "EntityAlreadyExists"), False),
        (transact, 202, part(412, "UpdateConditionNotSatisfied"), False),
    ],
)
async def test_what_may_be_is_no_error(
    work: Work, status: int, body: str, expected: object
) -> None:
    """A row that is there, has changed or is gone."""
    async with answering(status, body) as table:
        assert await work(table) == expected


@pytest.mark.parametrize(
    ("work", "status", "body", "error"),
    [
        (insert, 409, refusal("TableBeingDeleted"), "insert .* failed: HTTP 409 TableBeingDeleted"),
        (
            insert,
            403,
            refusal("AuthorizationFailure"),
            "insert .* failed: HTTP 403 AuthorizationFailure",
        ),
        (insert, 200, "<html>sign in</html>", "insert .* failed: HTTP 200$"),
        (replace, 202, "", "update .* failed: HTTP 202$"),
        (remove, 302, "", "delete .* failed: HTTP 302$"),
        (transact, 200, part(204) + part(204), "write .* failed: HTTP 200$"),
        (transact, 202, part(204) + part(200), "write .* failed: HTTP 200$"),
        (replace, 403, "<html>away</html>", "update .* failed: HTTP 403$"),
        (
            get,
            403,
            refusal("AuthorizationFailure"),
            "read .* failed: HTTP 403 AuthorizationFailure",
        ),
        (
            query,
            403,
            refusal("AuthorizationFailure"),
            "query .* failed: HTTP 403 AuthorizationFailure",
        ),
        (query, 200, "<html>away</html>", "query .* failed: this is no answer of a table"),
        (query, 200, "[]", "query .* failed: this is no answer of a table"),
        (
            transact,
            403,
            refusal("AuthorizationFailure"),
            "write .* failed: HTTP 403 AuthorizationFailure",
        ),
        (
            transact,
            202,
            part(409, "TableBeingDeleted"),
            "write .* failed: HTTP 409 TableBeingDeleted",
        ),
        (transact, 202, part(204), "write .* failed: the answer has not a part"),
        (transact, 202, "", "write .* failed: the answer has not a part"),
    ],
)
async def test_anything_else_is_an_error_that_says_what(
    work: Work, status: int, body: str, error: str
) -> None:
    """Nothing is believed to be saved: a table is being deleted, a part is missing, a proxy answers."""
    async with answering(status, body) as table:
        with pytest.raises(StorageError, match=error):
            await work(table)


@pytest.mark.parametrize(
    ("work", "status", "body"),
    [
        (insert, 400, refusal("PropertyValueTooLarge")),
        (insert, 413, refusal("RequestBodyTooLarge")),
        (transact, 202, part(400, "PropertyValueTooLarge")),
    ],
)
async def test_a_row_that_is_refused_is_told_apart(work: Work, status: int, body: str) -> None:
    """It would be refused later as well."""
    async with answering(status, body) as table:
        with pytest.raises(RowRefusedError, match=f"HTTP {status if status != 202 else 400}"):
            await work(table)


async def test_a_row_that_breaks_off_is_asked_for_again() -> None:
    """Also after its first bytes have come: as one that did not come at all."""
    async with answering(200, json.dumps(ROW), breaks=1) as table:
        assert await get(table) == ROW


async def test_a_transaction_whose_answer_breaks_off_is_an_error() -> None:
    """It may have been carried out: whoever wrote it reads first what there is."""
    async with answering(202, part(204) + part(204), breaks=1) as table:
        with pytest.raises(StorageError, match=r"write .* failed"):
            await transact(table)
