"""Storage queues by connection and name: one client each, shared by listeners and outputs."""

from collections.abc import Mapping

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.queue import StorageErrorCode
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.host.app_settings import connection_string, resolve
from local.host.errors import SettingError

QUEUE_GONE = (StorageErrorCode.QUEUE_NOT_FOUND, StorageErrorCode.QUEUE_BEING_DELETED)
"""Error codes of a queue that does not exist."""

MESSAGE_GONE = (StorageErrorCode.MESSAGE_NOT_FOUND, StorageErrorCode.POP_RECEIPT_MISMATCH)
"""Error codes of a message that somebody else has taken over or deleted."""


class Queues:
    """The queues that the bindings name.

    Bodies are neither encoded nor decoded by the clients: with a decode policy one message that
    is not base64 would fail the whole page.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._services: dict[str, QueueServiceClient] = {}
        self._queues: dict[tuple[str, str], QueueClient] = {}

    def get(self, connection: str, name: str, where: str) -> QueueClient:
        """The queue `name` (may hold `%SETTING%`) behind the app setting `connection`.

        `where` says in which binding, for errors. Raises `SettingError`.
        """
        name = resolve(name, self._environment, where)
        if "{" in name:
            raise SettingError(f"{where}: the local host knows no binding expressions ({name!r})")
        text = connection_string(connection, self._environment, where)
        if (text, name) not in self._queues:
            self._queues[text, name] = self._service(text, where).get_queue_client(name)
        return self._queues[text, name]

    async def close(self) -> None:
        """Close all connections."""
        for service in self._services.values():
            await service.close()

    def _service(self, text: str, where: str) -> QueueServiceClient:
        if text not in self._services:
            try:
                # By default the SDK first waits 15 s: too long next to an emulator that restarts.
                self._services[text] = QueueServiceClient.from_connection_string(
                    text,
                    initial_backoff=0.5,
                    increment_base=1,
                    random_jitter_range=0.5,
                    retry_total=2,
                )
            except ValueError as error:
                raise SettingError(f"{where}: {error}") from error
        return self._services[text]


async def create(queue: QueueClient) -> None:
    """Create the queue unless it exists."""
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


def error_code(error: HttpResponseError) -> str:
    """The storage service's error code, such as `QueueNotFound`; empty when it gave none."""
    return str(getattr(error, "error_code", None) or "")
