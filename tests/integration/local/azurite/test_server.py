import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.storage.queue import QueueClient

from local.azurite import install
from local.azurite.server import Azurite
from local.errors import ChildError
from local.waiting import wait_until

KILLED_PARENT = """
import os, signal
from local.azurite.server import Azurite
azurite = Azurite()
azurite.start()
print(azurite.endpoint("queue"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def accepts(url: str) -> bool:
    """Whether something listens at the URL's address."""
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def queue(azurite: Azurite, name: str) -> QueueClient:
    """A client for one queue."""
    return QueueClient.from_connection_string(azurite.connection_string, name)


def test_serves_queues_with_the_connection_string(azurite_server: Azurite) -> None:
    """The connection string works with the storage SDK as it is."""
    with queue(azurite_server, "azurite-serves") as client:
        client.create_queue()
        client.send_message("hello")
        assert [m.content for m in client.peek_messages()] == ["hello"]


@pytest.mark.large
def test_restart_keeps_ports_and_data(tmp_path: Path) -> None:
    """With a folder, a restart answers on the same address with the same data."""
    with Azurite(tmp_path / "data") as azurite:
        before = azurite.connection_string
        with queue(azurite, "kept") as client:
            client.create_queue()
            client.send_message("still here")
            azurite.restart()
            assert azurite.connection_string == before
            assert [m.content for m in client.peek_messages()] == ["still here"]


@pytest.mark.large
def test_kill_and_start_again_on_the_same_ports() -> None:
    """After a crash it can be started again where its clients look for it."""
    azurite = Azurite()
    azurite.start()
    try:
        before = azurite.connection_string
        azurite.kill()
        assert not azurite.running
        azurite.start()
        assert azurite.connection_string == before
    finally:
        azurite.stop()
    assert not accepts(azurite.endpoint("queue"))


def test_taken_port_is_a_clear_error() -> None:
    """A port in use ends in an error with Azurite's own words, not in a wait."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ChildError, match="EADDRINUSE"):
            Azurite(queue_port=port).start()


def test_missing_installation_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node_modules the error says what to run."""
    monkeypatch.setattr(install, "script", lambda: Path("missing.js"))
    with pytest.raises(ChildError, match="make install"):
        Azurite().start()


@pytest.mark.large
@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is a POSIX signal")
def test_a_killed_parent_leaves_no_azurite_behind() -> None:
    """Azurite ends when its parent is killed with SIGKILL and could not clean up."""
    parent = subprocess.run(
        [sys.executable, "-c", KILLED_PARENT], capture_output=True, text=True, check=False
    )
    assert parent.returncode == -signal.SIGKILL, parent.stderr
    wait_until(lambda: not accepts(parent.stdout.strip()), "Azurite is gone")
