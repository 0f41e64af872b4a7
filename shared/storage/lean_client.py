"""The SDK's client of a table, whose calls are written and read in one pass.

For each entity of a transaction the SDK builds a request, a mail message and a connection that writes to
memory, and for each that it reads it walks a tree of types: two thirds of a first sweep's CPU time
(docs/performance.md). Sign-in, retries and connections are the SDK's.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final, cast

from azure.core import AsyncPipelineClient
from azure.core.exceptions import (
    DecodeError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.core.pipeline import policies
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.storage import wire

_IDLE: Final = (
    policies.AsyncRedirectPolicy,
    policies.ContentDecodePolicy,
    policies.CustomHookPolicy,
    policies.DistributedTracingPolicy,
    policies.HttpLoggingPolicy,
    policies.NetworkTraceLoggingPolicy,
    policies.ProxyPolicy,
)
"""The SDK's policies that do nothing unless they are set up, and one that reads what is read here."""
_NEXT: Final = ("NextPartitionKey", "NextRowKey")
_CONFLICT: Final = 409
_EXISTS: Final = ("EntityAlreadyExists", "TableAlreadyExists")
_KINDS: Final[Mapping[int, type[HttpResponseError]]] = {
    404: ResourceNotFoundError,
    _CONFLICT: ResourceExistsError,
    412: ResourceModifiedError,
}
"""Of statuses that a caller may expect ("Table service error codes")."""


class LeanTableClient(TableClient):
    """A client of one table. HttpResponseError: the storage refused; its status tells why."""

    async def create(self) -> None:
        """Create the table; ResourceExistsError: it is there."""
        await self._sent(wire.creation(self._account, self.table_name))

    async def read(self, partition: str, row: str) -> TableEntity:
        """Return an entity."""
        answer = await self._sent(wire.reading(wire.key(self._table, partition, row)))
        return _decoded(answer, wire.entity)

    async def change(self, wanted: wire.Change) -> str:
        """Carry out a change; return the entity's new ETag, "" if it was deleted."""
        answer = await self._sent(wire.change(self._table, wanted))
        return str(answer.headers.get("etag", ""))

    async def transact(self, changes: Sequence[wire.Change]) -> None:
        """Carry out all changes, which are of one partition, or none."""
        answer = await self._sent(wire.transaction(self._account, self.table_name, changes))
        statuses = wire.statuses(answer.text("utf-8"))
        if wrong := set(statuses) - wire.WRITTEN:
            raise _refused(wrong.pop(), answer)
        if len(statuses) != len(changes):
            raise DecodeError("the answer has not a part for each change", response=answer)

    async def pages(
        self,
        text: str,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        page: int | None = None,
    ) -> AsyncGenerator[list[TableEntity]]:
        """Yield what the filter matches, asking for each page (of so many) when it is needed."""
        after: dict[str, str] | None = {}
        while after is not None:
            answer = await self._sent(
                wire.query(
                    self._table, text, parameters, select=select or (), page=page, after=after
                )
            )
            yield _decoded(answer, _entities)
            given = {name: answer.headers.get(f"x-ms-continuation-{name}") for name in _NEXT}
            after = {name: key for name, key in given.items() if key} or None

    @property
    def _account(self) -> str:
        return f"{self.scheme}://{self._primary_hostname}"

    @property
    def _table(self) -> str:
        return f"{self._account}/{self.table_name}"

    async def _sent(self, call: wire.Call) -> AsyncHttpResponse:
        """Return the answer to a call, which the SDK signs and repeats."""
        request = HttpRequest(
            call.verb, call.address, headers=dict(call.headers), content=call.body or None
        )
        # Its generated client would copy the request first.
        client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = self._client._client
        answer = await client.send_request(request)
        if answer.status_code not in call.done:
            raise _refused(answer.status_code, answer)
        return answer


class LeanTableServiceClient(TableServiceClient):
    """The client of an account, whose tables have those clients."""

    def _configure_policies(self, **options: Any) -> list[Any]:
        """Return what each call passes through, without what has nothing to do here."""
        usual = super()._configure_policies(**options)
        return [each for each in usual if not isinstance(each, _IDLE)]

    def get_table_client(self, table_name: str, **options: Any) -> LeanTableClient:
        """Return the client of a table, which uses the connections of this one."""
        client = super().get_table_client(table_name, **options)
        # The SDK makes it, and knows no other class to make.
        client.__class__ = LeanTableClient
        return cast(LeanTableClient, client)


def _entities(page: Mapping[str, Any]) -> list[TableEntity]:
    return [wire.entity(fields) for fields in page["value"]]


def _decoded[Content](answer: AsyncHttpResponse, read: Callable[[Any], Content]) -> Content:
    """Return what an answer says; DecodeError: it is none of a table."""
    try:
        return read(json.loads(answer.content))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DecodeError("this is no answer of a table", response=answer) from error


def _refused(status: int, answer: AsyncHttpResponse) -> HttpResponseError:
    """Return the error for a status of an answer, or of a part of it."""
    code = wire.error_code(answer.text("utf-8"))
    kind = _KINDS.get(status, HttpResponseError)
    if status == _CONFLICT and code not in _EXISTS:
        kind = HttpResponseError  # such as for a table that is being deleted
    error = kind(f"HTTP {status} {code}".rstrip(), response=answer)
    error.status_code = status
    return error
