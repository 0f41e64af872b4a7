"""`acp storage` and `acp tenant`: a ready line, answers, and a clean end."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.queue import QueueServiceClient

from local.processes import Child

NewCommand = Callable[..., Child]


@pytest.fixture
def acp(tmp_path: Path) -> Iterator[NewCommand]:
    """Starts `acp` with these arguments; it is gone after the test."""
    started: list[Child] = []

    def start(*arguments: str) -> Child:
        command = [sys.executable, "-m", "cli", *arguments]
        child = Child(f"acp {arguments[0]}", command, log=tmp_path / f"{arguments[0]}.log")
        started.append(child)
        child.start()
        return child

    yield start
    for child in started:
        child.stop()


SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.large)]
)


@pytest.mark.large
@SIGNALS
def test_storage_serves_and_stops(acp: NewCommand, number: signal.Signals) -> None:
    """The printed connection string works; a signal ends it with status 0 and no Azurite left."""
    ports = [f"--{service}-port=0" for service in ("blob", "queue", "table")]
    child = acp("storage", *ports)
    child.wait_for_line(r"^ready http://127\.0\.0\.1:\d+")
    connection = child.wait_for_line(r"^(DefaultEndpointsProtocol=http;.*)$")[1]
    with QueueServiceClient.from_connection_string(connection) as service:
        service.create_queue("made-by-a-test")
        assert [queue.name for queue in service.list_queues()] == ["made-by-a-test"]
        child.send_signal(number)
        assert child.wait(limit=15) == 0
        address = service.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


@SIGNALS
def test_tenant_serves_and_stops(acp: NewCommand, number: signal.Signals) -> None:
    """The tenant answers at the printed address with the users asked for."""
    child = acp("tenant", "--port", "0", "--users", "40", "--seed", "7", "--lag", "0.5")
    origin = child.wait_for_line(r"^ready (http://127\.0\.0\.1:\d+)$")[1]
    state = httpx.get(f"{origin}/_tenant/state?summary=true").json()
    assert state["seed"] == 7
    assert state["totals"]["users"] == 40
    child.send_signal(number)
    assert child.wait(limit=15) == 0


@pytest.mark.large
def test_tenant_ends_with_its_parent(acp: NewCommand) -> None:
    """When the parent's end of the lifeline closes, the tenant ends by itself."""
    child = acp("tenant", "--port", "0", "--users", "30")
    child.wait_for_line("^ready")
    assert child.stop(limit=15) == 0
