"""Azure Tables through the SDK: opened once per process, created if missing, one error type."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import batched
from typing import Any, Final
from urllib.request import getproxies_environment

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableEntity, TransactionOperation, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.errors import StorageError
from shared.telemetry.events import RowUnreadable
from shared.telemetry.log import EventLog

_LOG: Final = EventLog("acp.storage")

BATCH_LIMIT: Final = 100
"""Most operations in one transaction (Azure Tables, "Performing entity group transactions")."""

Entity = Mapping[str, Any]


class Table:
    """A table. Every method raises StorageError when the storage refuses or does not answer."""

    def __init__(self, client: TableClient, name: str) -> None:
        self._client = client
        self._name = name
        self._created = False

    async def get(self, partition: str, row: str) -> TableEntity | None:
        """Return the entity, or None."""
        await self._create()
        try:
            return await self._client.get_entity(partition, row)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise self._failed("read", error) from error

    async def insert(self, entity: Entity) -> bool:
        """Write a new entity; False when one with these keys already exists (it stays)."""
        await self._create()
        try:
            await self._client.create_entity(entity)
        except ResourceExistsError:
            return False
        except AzureError as error:
            raise self._failed("insert", error) from error
        return True

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

    async def replace_if_unchanged(self, entity: Entity, etag: str) -> bool:
        """Write the entity only if it has not changed since `etag` was read; False when it has."""
        await self._create()
        try:
            await self._client.update_entity(
                entity,
                mode=UpdateMode.REPLACE,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return False
        except AzureError as error:
            raise self._failed("update", error) from error
        return True

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
        """Remove every entity of a partition, in transactions of up to 100."""
        rows: list[Entity] = [
            {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
            async for row in self.query(
                "PartitionKey eq @partition",
                {"partition": partition},
                ["PartitionKey", "RowKey"],
            )
        ]
        try:
            for some in batched(rows, BATCH_LIMIT, strict=False):
                await self._client.submit_transaction(
                    [(TransactionOperation.DELETE, row) for row in some]
                )
        except ResourceNotFoundError:
            return  # another instance is removing them
        except AzureError as error:
            raise self._failed("delete", error) from error

    async def merge_all(self, entities: Sequence[Entity]) -> None:
        """Merge up to 100 entities of one partition in one transaction."""
        await self._create()
        operations: list[tuple[TransactionOperation, Entity]] = [
            (TransactionOperation.UPSERT, entity) for entity in entities
        ]
        try:
            await self._client.submit_transaction(operations)
        except AzureError as error:
            raise self._failed("write", error) from error

    async def query(
        self, text: str, parameters: Mapping[str, Any], select: Sequence[str] | None = None
    ) -> AsyncIterator[TableEntity]:
        """Yield the entities that the OData filter `text` with its `@name` parameters matches."""
        await self._create()
        try:
            async for entity in self._client.query_entities(
                text, parameters=dict(parameters), select=list(select) if select else None
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
    ) -> AsyncIterator[Row]:
        """Yield what the filter matches, decoded; a row that cannot be is reported and passed over.

        One damaged row, or one of a later version, must not hide all others.
        """
        async for entity in self.query(text, parameters, select):
            if (row := self.decoded(entity, decode)) is not None:
                yield row

    def decoded[Row](self, entity: Entity, decode: Callable[[dict[str, Any]], Row]) -> Row | None:
        """Return an entity decoded; None: it is damaged or of a later version, which is reported."""
        try:
            return decode(dict(entity))
        except (KeyError, TypeError, ValueError) as error:
            _LOG.write(RowUnreadable(table=self._name, error=type(error).__name__))
            return None

    async def _upsert(self, entity: Entity, mode: UpdateMode) -> None:
        await self._create()
        try:
            await self._client.upsert_entity(entity, mode=mode)
        except AzureError as error:
            raise self._failed("write", error) from error

    async def _create(self) -> None:
        if not self._created:
            try:
                await self._client.create_table()
            except ResourceExistsError:
                pass
            except AzureError as error:
                raise self._failed("create", error) from error
            self._created = True

    def _failed(self, operation: str, error: AzureError) -> StorageError:
        return StorageError(f"{operation} in table {self._name}", type(error).__name__)


class Tables:
    """The storage account's tables, by name."""

    def __init__(self, service: TableServiceClient, prefix: str) -> None:
        self._service = service
        self._prefix = prefix

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
        options: dict[str, Any] = {
            "retry_total": 4,
            "retry_backoff_factor": 0.3,
            "connection_timeout": timeout,
            "read_timeout": timeout,
            # Without a proxy to find there, aiohttp would look for a .netrc at every request.
            "use_env_settings": bool(getproxies_environment().keys() - {"no"}),
        }
        service = (
            TableServiceClient.from_connection_string(connection, **options)
            if connection
            else TableServiceClient(endpoint or "", credential=credential, **options)
        )
        return cls(service, prefix)

    def table(self, name: str) -> Table:
        """Return the table called prefix + `name`."""
        full = self._prefix + name
        return Table(self._service.get_table_client(full), full)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
