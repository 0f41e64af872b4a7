"""Azure Tables: opened once per process, created if missing, one error type."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from itertools import batched
from typing import Any, Final, cast

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableEntity

from shared.domain.stored import BY_NAME
from shared.errors import RowRefusedError, StorageError, UnreadableRowError
from shared.storage.lean_client import LeanTableClient, LeanTableServiceClient
from shared.storage.rows import DAMAGE, UnreadableRows
from shared.storage.wire import Change, Entity, Verb
from shared.telemetry.events import RowUnreadable
from shared.telemetry.log import EventLog

_LOG: Final = EventLog("acp.storage")

ETAG: Final = "_etag"
"""Under this name `Table.decode` hands the ETag to what decodes a row."""

PAGE: Final = 1_000
"""Entities that the storage returns at once at most ("Query timeout and pagination")."""

BATCH_LIMIT: Final = 100
"""Most operations in one transaction (Azure Tables, "Performing entity group transactions")."""

_GONE: Final = (ResourceModifiedError, ResourceNotFoundError)
"""What the storage says where an entity is not as it was read."""
_REFUSED: Final = frozenset({400, 413})
"""Statuses of a row that is too large or malformed ("Table service error codes")."""

_DELETED_AT_ONCE: Final = 1_000

_Errors = type[AzureError] | tuple[type[AzureError], ...]


class Table:
    """A table. Every method raises StorageError when the storage refuses or does not answer.

    RowRefusedError: it does not take this row, now or later. unreadable: shared by all tables of a
    process.
    """

    def __init__(
        self, client: LeanTableClient, name: str, unreadable: UnreadableRows | None = None
    ) -> None:
        self._client = client
        self._name = name
        self._unreadable = unreadable or UnreadableRows()
        self._created = False
        self._creating = asyncio.Lock()

    async def get(self, partition: str, row: str) -> TableEntity | None:
        """Return the entity, or None."""
        return await self._tried(
            "read", lambda: self._client.read(partition, row), ResourceNotFoundError
        )

    async def insert(self, entity: Entity) -> str:
        """Write a new entity; return its ETag, "" when one with these keys exists (it stays)."""
        return await self._change("insert", Change(Verb.INSERT, entity), ResourceExistsError) or ""

    async def merge(self, entity: Entity) -> None:
        """Write the given properties; others of an existing entity stay."""
        await self._change("write", Change(Verb.MERGE, entity))

    async def replace(self, entity: Entity) -> None:
        """Write the entity, replacing an existing one."""
        await self._change("write", Change(Verb.REPLACE, entity))

    async def update(self, entity: Entity) -> bool:
        """Merge into an existing entity; False when there is none (then nothing is written)."""
        written = await self._change(
            "update", Change(Verb.MERGE, entity, "*"), ResourceNotFoundError
        )
        return written is not None

    async def replace_if_unchanged(self, entity: Entity, etag: str) -> str:
        """Write the entity only if it has not changed since `etag` was read; "" when it has.

        Otherwise return its new ETag.
        """
        change = Change(Verb.REPLACE, entity, etag)
        return await self._change("update", change, _GONE) or ""

    async def merge_if_unchanged(self, entity: Entity, etag: str) -> str:
        """The same for the given properties; others of the entity stay."""
        change = Change(Verb.MERGE, entity, etag)
        return await self._change("update", change, _GONE) or ""

    async def delete(self, partition: str, row: str) -> None:
        """Remove the entity, if it exists."""
        entity = {"PartitionKey": partition, "RowKey": row}
        await self._change("delete", Change(Verb.DELETE, entity), ResourceNotFoundError)

    async def delete_if_unchanged(self, entity: TableEntity) -> bool:
        """Remove an entity that was read; False when it has changed since."""
        change = Change(Verb.DELETE, entity, str(entity.metadata["etag"]))
        return await self._change("delete", change, _GONE) is not None

    async def delete_all(self, partition: str) -> None:
        """Remove every entity of a partition."""
        text, keys = "PartitionKey eq @partition", {"partition": partition}
        while await self.delete_some(text, keys) == _DELETED_AT_ONCE:
            pass

    async def delete_some(self, text: str, parameters: Mapping[str, Any]) -> int:
        """Remove up to 1,000 entities of one partition that the filter matches; return how many.

        In transactions of up to 100. 0: none is left, or another instance is removing them.
        """
        rows: list[Entity] = []
        async for row in self.query(text, parameters, ["PartitionKey", "RowKey"]):
            rows.append({"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]})
            if len(rows) == _DELETED_AT_ONCE:
                break
        for some in batched(rows, BATCH_LIMIT, strict=False):
            changes = [Change(Verb.DELETE, row) for row in some]
            if not await self._transacted("delete", changes, ResourceNotFoundError):
                return 0
        return len(rows)

    async def partitions(self, before: str) -> AsyncIterator[str]:
        """Yield the keys of the partitions below `before`, in order, at one request each."""
        after = ""
        while (found := await self._next_partition(after, before)) is not None:
            yield found
            after = found

    async def transact(self, changes: Sequence[Change]) -> bool:
        """Carry out up to 100 changes of one partition, all or none.

        False: an entity has changed since it was read, is there already, or is gone.
        """
        return await self._transacted("write", changes, (*_GONE, ResourceExistsError))

    async def query(
        self,
        text: str,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        page: int | None = None,
    ) -> AsyncGenerator[TableEntity]:
        """Yield the entities that the OData filter `text` with its `@name` parameters matches.

        page: how many to ask for at once; None: as many as the storage returns.
        """
        async for entities in self.pages(text, parameters, select, page):
            for entity in entities:
                yield entity

    async def pages(
        self,
        text: str,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        page: int | None = None,
    ) -> AsyncGenerator[list[TableEntity]]:
        """Yield the same as `query` page by page."""
        await self._create()
        try:
            async for entities in self._client.pages(text, parameters, select, page):
                yield entities
        except AzureError as error:
            raise self._failed("query", error) from error

    async def read[Row](
        self,
        text: str,
        parameters: Mapping[str, Any],
        decode: Callable[[dict[str, Any]], Row],
        select: Sequence[str] | None = None,
        page: int | None = None,
    ) -> AsyncGenerator[Row]:
        """Yield what the filter matches, decoded; a row that cannot be is reported and passed over.

        One damaged row, or one of a later version, must not hide all others.
        """
        async for entity in self.query(text, parameters, select, page):
            try:
                row = self.decode(entity, decode)
            except UnreadableRowError:
                continue
            yield row

    async def first[Row](
        self,
        text: str,
        parameters: Mapping[str, Any],
        decode: Callable[[dict[str, Any]], Row],
        limit: int,
    ) -> list[Row]:
        """Return the first rows of those that `read` would yield, with no page asked for beyond them."""
        found: list[Row] = []
        async with aclosing(self.read(text, parameters, decode, page=limit)) as rows:
            async for row in rows:
                found.append(row)
                if len(found) == limit:
                    break
        return found

    async def find[Row](
        self, partition: str, row: str, decode: Callable[[dict[str, Any]], Row]
    ) -> Row | None:
        """Return the entity decoded, or None; UnreadableRowError: it cannot be."""
        entity = await self.get(partition, row)
        return None if entity is None else self.decode(entity, decode)

    def decode[Row](self, entity: TableEntity, decode: Callable[[dict[str, Any]], Row]) -> Row:
        """Return an entity decoded. UnreadableRowError: it cannot be; it is reported and counted."""
        keys = (str(entity.get("PartitionKey")), str(entity.get("RowKey")))
        try:
            row = decode({**entity, ETAG: str(entity.metadata.get("etag") or "")})
        except DAMAGE as error:
            if self._unreadable.add(self._name, keys):
                _LOG.write(RowUnreadable(table=self._name, error=type(error).__name__))
            raise UnreadableRowError(
                f"read in table {self._name}",
                f"a row is damaged or of a newer version of the app ({type(error).__name__}); update "
                "the app, or repair or delete the row",
            ) from error
        self._unreadable.remove(self._name, keys)
        return row

    async def _change(self, operation: str, change: Change, expected: _Errors = ()) -> str | None:
        return await self._tried(operation, lambda: self._client.change(change), expected)

    async def _transacted(
        self, operation: str, changes: Sequence[Change], expected: _Errors
    ) -> bool:
        async def carry_out() -> bool:
            await self._client.transact(changes)
            return True

        return await self._tried(operation, carry_out, expected) or False

    async def _tried[Answer](
        self, operation: str, call: Callable[[], Awaitable[Answer]], expected: _Errors
    ) -> Answer | None:
        """Return what a call gives; None: it ended in one of the expected errors."""
        await self._create()
        try:
            return await call()
        except expected:
            return None
        except AzureError as error:
            raise self._failed(operation, error) from error

    async def _next_partition(self, after: str, before: str) -> str | None:
        text, keys = "PartitionKey gt @after and PartitionKey lt @before", ["PartitionKey"]
        between = {"after": after, "before": before}
        async with aclosing(self.query(text, between, keys, page=1)) as rows:
            async for row in rows:
                return str(row["PartitionKey"])
        return None

    async def _create(self) -> None:
        if self._created:
            return
        async with self._creating:
            if self._created:
                return
            try:
                await self._client.create()
            except ResourceExistsError:
                pass
            except AzureError as error:
                raise self._failed("create", error) from error
            self._created = True

    def _failed(self, operation: str, error: AzureError) -> StorageError:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        refused = status in _REFUSED and operation in ("insert", "update", "write")
        kind = RowRefusedError if refused else StorageError
        reason = error.message.partition("\n")[0] if status else type(error).__name__
        return kind(f"{operation} in table {self._name}", reason)


class Tables:
    """The storage account's tables, by name."""

    def __init__(self, service: LeanTableServiceClient, prefix: str) -> None:
        self._service = service
        self._prefix = prefix
        self.unreadable = UnreadableRows()

    @classmethod
    def open(
        cls,
        prefix: str,
        *,
        connection: str | None,
        endpoint: str | None = None,
        credential: AsyncTokenCredential | None = None,
        timeout: float = 30,
    ) -> "Tables":
        """Open the account by connection string, or by endpoint with a managed identity."""
        # Imported here: to import aiohttp takes longer than all the rest of this module.
        from shared.storage.transport import BoundedTransport  # noqa: PLC0415

        options: dict[str, Any] = {
            "retry_total": 4,
            "retry_backoff_factor": 0.3,
            "transport": BoundedTransport(timeout),
        }
        service = (
            LeanTableServiceClient.from_connection_string(connection, **options)
            if connection
            else LeanTableServiceClient(endpoint or "", credential=credential, **options)
        )
        return cls(cast(LeanTableServiceClient, service), prefix)

    def table(self, name: str) -> Table:
        """Return the table called prefix + `name`. KeyError: it is not listed in `shared.domain.stored`."""
        full = self._prefix + BY_NAME[name].name
        return Table(self._service.get_table_client(full), full, self.unreadable)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
