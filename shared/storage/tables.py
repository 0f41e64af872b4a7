"""Azure Tables through the SDK: opened once per process, created if missing, one error type."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from itertools import batched
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableEntity, TransactionOperation, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.domain.stored import BY_NAME
from shared.errors import RowRefusedError, StorageError, UnreadableRowError
from shared.storage.rows import DAMAGE, UnreadableRows
from shared.telemetry.events import RowUnreadable
from shared.telemetry.log import EventLog

_LOG: Final = EventLog("acp.storage")

ETAG: Final = "_etag"
"""Under this name `Table.decode` hands the ETag to what decodes a row."""

PAGE: Final = 1_000
"""Entities that the storage returns at once at most ("Query timeout and pagination")."""

BATCH_LIMIT: Final = 100
"""Most operations in one transaction (Azure Tables, "Performing entity group transactions")."""

_NOT_AS_READ: Final = frozenset({404, 409, 412})
_REFUSED: Final = frozenset({400, 413})
"""Statuses of a row that is too large or malformed ("Table service error codes")."""

_DELETED_AT_ONCE: Final = 1_000

Entity = Mapping[str, Any]
Change = (
    tuple[TransactionOperation, Entity] | tuple[TransactionOperation, Entity, Mapping[str, Any]]
)


class Table:
    """A table. Every method raises StorageError when the storage refuses or does not answer.

    RowRefusedError: it does not take this row, now or later. unreadable: shared by all tables of a
    process.
    """

    def __init__(
        self, client: TableClient, name: str, unreadable: UnreadableRows | None = None
    ) -> None:
        self._client = client
        self._name = name
        self._unreadable = unreadable or UnreadableRows()
        self._created = False
        self._creating = asyncio.Lock()

    async def get(self, partition: str, row: str) -> TableEntity | None:
        """Return the entity, or None."""
        await self._create()
        try:
            return await self._client.get_entity(partition, row)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise self._failed("read", error) from error

    async def insert(self, entity: Entity) -> str:
        """Write a new entity; return its ETag, "" when one with these keys exists (it stays)."""
        await self._create()
        try:
            return str((await self._client.create_entity(entity))["etag"])
        except ResourceExistsError:
            return ""
        except AzureError as error:
            raise self._failed("insert", error) from error

    async def merge(self, entity: Entity) -> None:
        """Write the given properties; others of an existing entity stay."""
        await self._upsert(entity, UpdateMode.MERGE)

    async def replace(self, entity: Entity) -> None:
        """Write the entity, replacing an existing one."""
        await self._upsert(entity, UpdateMode.REPLACE)

    async def update(self, entity: Entity) -> bool:
        """Merge into an existing entity; False when there is none (then nothing is written)."""
        await self._create()
        try:
            await self._client.update_entity(entity, mode=UpdateMode.MERGE)
        except ResourceNotFoundError:
            return False
        except AzureError as error:
            raise self._failed("update", error) from error
        return True

    async def replace_if_unchanged(self, entity: Entity, etag: str) -> str:
        """Write the entity only if it has not changed since `etag` was read; "" when it has.

        Otherwise return its new ETag.
        """
        return await self._if_unchanged(entity, etag, UpdateMode.REPLACE)

    async def merge_if_unchanged(self, entity: Entity, etag: str) -> str:
        """The same for the given properties; others of the entity stay."""
        return await self._if_unchanged(entity, etag, UpdateMode.MERGE)

    async def _if_unchanged(self, entity: Entity, etag: str, mode: UpdateMode) -> str:
        await self._create()
        try:
            written = await self._client.update_entity(
                entity, mode=mode, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return ""
        except AzureError as error:
            raise self._failed("update", error) from error
        return str(written["etag"])

    async def delete(self, partition: str, row: str) -> None:
        """Remove the entity, if it exists."""
        await self._create()
        try:
            await self._client.delete_entity(partition, row)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise self._failed("delete", error) from error

    async def delete_if_unchanged(self, entity: TableEntity) -> bool:
        """Remove an entity that was read; False when it has changed since."""
        await self._create()
        try:
            await self._client.delete_entity(
                entity,
                etag=str(entity.metadata["etag"]),
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return False
        except AzureError as error:
            raise self._failed("delete", error) from error
        return True

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
        try:
            for some in batched(rows, BATCH_LIMIT, strict=False):
                await self._client.submit_transaction(
                    [(TransactionOperation.DELETE, row) for row in some]
                )
        except ResourceNotFoundError:
            return 0
        except AzureError as error:
            raise self._failed("delete", error) from error
        return len(rows)

    async def partitions(self, before: str) -> AsyncIterator[str]:
        """Yield the keys of the partitions below `before`, in order, at one request each."""
        after = ""
        while (found := await self._next_partition(after, before)) is not None:
            yield found
            after = found

    async def transact(self, changes: Sequence[Change]) -> bool:
        """Carry out up to 100 changes of one partition, all or none; see the SDK's submit_transaction.

        False: an entity has changed since it was read, is there already, or is gone.
        """
        await self._create()
        try:
            await self._client.submit_transaction(changes)
        except HttpResponseError as error:
            if error.status_code in _NOT_AS_READ:
                return False
            raise self._failed("write", error) from error
        except AzureError as error:
            raise self._failed("write", error) from error
        return True

    async def query(
        self,
        text: str,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        page: int | None = None,
    ) -> AsyncGenerator[TableEntity]:
        """Yield the entities that the OData filter `text` with its `@name` parameters matches.

        page: how many to ask for at once, when the caller will stop after as many.
        """
        await self._create()
        try:
            async for entity in self._client.query_entities(
                text,
                parameters=dict(parameters),
                select=list(select) if select else None,
                results_per_page=page,
            ):
                yield entity
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

    async def _upsert(self, entity: Entity, mode: UpdateMode) -> None:
        await self._create()
        try:
            await self._client.upsert_entity(entity, mode=mode)
        except AzureError as error:
            raise self._failed("write", error) from error

    async def _next_partition(self, after: str, before: str) -> str | None:
        await self._create()
        try:
            rows = self._client.query_entities(
                "PartitionKey gt @after and PartitionKey lt @before",
                parameters={"after": after, "before": before},
                select=["PartitionKey"],
                results_per_page=1,
            )
            async for row in rows:
                return str(row["PartitionKey"])
        except AzureError as error:
            raise self._failed("query", error) from error
        return None

    async def _create(self) -> None:
        if self._created:
            return
        async with self._creating:
            if self._created:
                return
            try:
                await self._client.create_table()
            except ResourceExistsError:
                pass
            except AzureError as error:
                raise self._failed("create", error) from error
            self._created = True

    def _failed(self, operation: str, error: AzureError) -> StorageError:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        refused = status in _REFUSED and operation in ("insert", "update", "write")
        kind = RowRefusedError if refused else StorageError
        return kind(f"{operation} in table {self._name}", type(error).__name__)


class Tables:
    """The storage account's tables, by name."""

    def __init__(self, service: TableServiceClient, prefix: str) -> None:
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
            TableServiceClient.from_connection_string(connection, **options)
            if connection
            else TableServiceClient(endpoint or "", credential=credential, **options)
        )
        return cls(service, prefix)

    def table(self, name: str) -> Table:
        """Return the table called prefix + `name`. KeyError: it is not listed in `shared.domain.stored`."""
        full = self._prefix + BY_NAME[name].name
        return Table(self._service.get_table_client(full), full, self.unreadable)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
