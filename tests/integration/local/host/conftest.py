"""A sample function app run by `acp host` in a process of its own."""

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from local.azurite.server import Azurite
from local.commands import AppHost
from local.waiting import wait_until

SAMPLE = Path(__file__).parent / "sample_app"


class SampleHost(AppHost):
    """`acp host` with a function app, queues of its own, and a window on what the app noted.

    `environment` are its settings; `root` is the app's folder.
    """

    def __init__(
        self, azurite: Azurite, folder: Path, root: Path = SAMPLE, **environment: str
    ) -> None:
        tag = uuid.uuid4().hex[:12]
        self.names = {kind: f"{kind}-{tag}" for kind in ("work", "sync", "spread", "log")}
        self.gate = folder / f"gate-{tag}"
        self.gate.mkdir()
        self._connection = azurite.connection_string
        self._clients: list[QueueClient] = []
        self._notes: list[dict[str, Any]] = []
        settings = {
            "AzureWebJobsStorage": self._connection,
            "SAMPLE_GATE": str(self.gate),
            "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
            **{f"SAMPLE_{kind.upper()}": name for kind, name in self.names.items()},
        }
        super().__init__(folder / tag, root, {**settings, **environment})

    def queue(self, kind: str) -> QueueClient:
        """The queue that the app setting SAMPLE_{kind} names; `work-poison` works too."""
        kind, _, suffix = kind.partition("-")
        name = self.names[kind] + (f"-{suffix}" if suffix else "")
        client = QueueClient.from_connection_string(self._connection, name)
        self._clients.append(client)
        return client

    def send(self, kind: str, body: str) -> None:
        """Send one message as another program would: base64."""
        self.queue(kind).send_message(base64.b64encode(body.encode()).decode())

    def receive(self, kind: str) -> list[str]:
        """Take a page of messages, as they are; none while the queue does not exist."""
        queue = self.queue(kind)
        try:
            return [message.content for message in queue.receive_messages(visibility_timeout=60)]
        except ResourceNotFoundError:
            return []

    def bodies(self, kind: str, number: int) -> list[str]:
        """The decoded bodies of a queue's messages, once there are `number` of them."""
        found: list[str] = []

        def enough() -> bool:
            for content in self.receive(kind):
                found.append(base64.b64decode(content, validate=True).decode())
            return len(found) >= number

        wait_until(enough, f"{number} messages in {kind}")
        return found

    def note(self, **fields: object) -> dict[str, Any]:
        """The first note of the sample app that has these fields, once it is there."""

        def found() -> dict[str, Any] | None:
            for content in self.receive("log"):
                self._notes.append(json.loads(base64.b64decode(content)))
            return next((n for n in self._notes if fields.items() <= n.items()), None)

        return wait_until(found, f"the note {fields}")

    def close(self) -> None:
        """Stop the host if it runs, and close all connections."""
        super().close()
        for client in self._clients:
            client.close()


@pytest.fixture(scope="module")
def host(azurite_server: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleHost]:
    """The sample app, running for all tests of one module."""
    folder = tmp_path_factory.mktemp("host")
    with SampleHost(azurite_server, folder, SAMPLE_SCHEDULE="* * * * * *") as running:
        yield running


@pytest.fixture
def new_host(azurite_server: Azurite, tmp_path: Path) -> Iterator[Callable[..., SampleHost]]:
    """Makes hosts that a test starts, kills and configures itself; all are gone after it."""
    made: list[SampleHost] = []

    def make(root: Path = SAMPLE, **environment: str) -> SampleHost:
        made.append(SampleHost(azurite_server, tmp_path, root, **environment))
        return made[-1]

    yield make
    for one in made:
        one.close()
