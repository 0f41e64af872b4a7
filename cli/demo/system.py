"""The demo's three child processes: Azurite, the simulated tenant, and the host with the app."""

import json
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from cli.errors import CommandError
from cli.serving import HOST
from local.azurite.server import Azurite
from local.processes import Child

LAG_SECONDS: Final = 2
"""From a license in Graph to its effect in the simulated Teams service; minutes in life."""

_ROOT: Final = Path(__file__).parents[1]
_START_LIMIT: Final = 120.0
_STOP_LIMIT: Final = 8.0
_HOST_OPTIONS: Final = {"ACP_HOST_MESSAGE_LEASE_SECONDS": "60", "ACP_HOST_DRAIN_SECONDS": "5"}
_PREFIXES: Final = ("acp_", "azurewebjobs", "identity_", "imds_", "msi_", "website_")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")


def forget_surroundings(environment: MutableMapping[str, str]) -> None:
    """Remove whatever could lead the app elsewhere than to the demo: its settings, and proxies.

    A developer's shell may point at a live tenant; the demo must never talk to one.
    """
    for name in list(environment):
        if name.casefold().startswith(_PREFIXES) or name.casefold() in _PROXIES:
            del environment[name]
    environment["NO_PROXY"] = environment["no_proxy"] = "*"


class DemoSystem:
    """Starts and stops the three; their logs are in `folder`, which goes with them. Context manager.

    The folder stays when the demo ended with an error, or when `keep_logs` was set.
    """

    def __init__(self, users: int, seed: int) -> None:
        self.folder = Path(tempfile.gettempdir(), f"acp-demo-{secrets.token_hex(4)}")
        self.keep_logs = False
        self.tenant = ""
        self.host = f"http://{HOST}:{_free_port()}"
        self.settings: dict[str, str] = {}
        """The app's settings, once the host was started."""
        self._azurite = Azurite(log=self.folder / "azurite.log")
        self._tenant = self._child(
            "tenant", f"--port 0 --users {users} --seed={seed} --lag {LAG_SECONDS}".split()
        )
        self._host: Child | None = None
        self._stack = ExitStack()

    @property
    def storage(self) -> str:
        """The connection string of the storage."""
        return self._azurite.connection_string

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        failed = kind is not None and issubclass(kind, Exception)
        if not (failed or self.keep_logs):
            shutil.rmtree(self.folder, ignore_errors=True)

    def launch(self) -> None:
        """Start the tenant and Azurite side by side, and wait for neither."""
        self.folder.mkdir(mode=0o700)
        self._stack.callback(self._azurite.stop)
        self._stack.callback(self._tenant.stop, _STOP_LIMIT)
        self._azurite.launch()
        self._tenant.start()

    def await_tenant(self) -> None:
        """Return when the tenant takes calls; `ChildError` when it does not start."""
        self.tenant = self._tenant.wait_for_line(r"^ready (http://\S+)$", _START_LIMIT)[1]

    def start_host(self, tenant_id: str) -> None:
        """Start the host with the app on that tenant; `ChildError` when it or Azurite does not start."""
        self._azurite.wait_until_ready()
        # In a folder of its own, for a developer's local.settings.json has no say here.
        app = self.folder / "app"
        app.mkdir()
        for name in ("function_app.py", "host.json"):
            shutil.copy(_ROOT / name, app)
        self.settings = self._settings(tenant_id)
        port = self.host.rpartition(":")[2]
        host = self._child(
            "host", ["--port", port, "--root", str(app)], **self.settings, **_HOST_OPTIONS
        )
        self._stack.callback(host.stop, _STOP_LIMIT)
        host.start()
        self._host = host
        host.wait_for_line(r"^ready http://", _START_LIMIT)

    def ended(self) -> str:
        """Say which of the three has ended although it was started, or nothing."""
        running = {
            "Azurite": self._azurite.running,
            "the tenant": self._tenant.running,
            "the host": self._host is not None and self._host.running,
        }
        gone = [name for name, alive in running.items() if not alive]
        return f"{' and '.join(gone)} ended unexpectedly" if self._host and gone else ""

    def check(self) -> None:
        """Raise `CommandError` when one of the three has ended."""
        if gone := self.ended():
            raise CommandError(gone)

    def write_settings(self) -> Path:
        """Write the app's settings to a file that the other commands take; return where it is."""
        file = self.folder / "settings.json"
        file.write_text(json.dumps({"Values": self.settings}, indent=2) + "\n", encoding="utf-8")
        return file

    def _settings(self, tenant_id: str) -> dict[str, str]:
        return {
            "AzureWebJobsStorage": self.storage,
            "ACP_TENANT_ID": tenant_id,
            "ACP_GRAPH_URL": self.tenant,
            "ACP_TEAMS_URL": self.tenant,
            "IDENTITY_ENDPOINT": f"{self.tenant}/msi/token",
            "IDENTITY_HEADER": secrets.token_hex(16),
            "ACP_PUBLIC_URL": self.host,
            # Whoever waits for Teams is looked at again within seconds, not minutes.
            "ACP_RECHECK_DELAYS": "1,2,3,5",
            "ACP_RECHECK_SCHEDULE": "*/1 * * * * *",
            "ACP_SWEEP_MAX_MOVES": "1000000",
        }

    def _child(self, command: str, options: list[str], **environment: str) -> Child:
        return Child(
            f"the {command}",
            [sys.executable, "-m", "cli", command, *options],
            log=self.folder / f"{command}.log",
            environment=environment,
            folder=_ROOT,
        )


def _free_port() -> int:
    """A port that is free now. The app must know its own address before it listens there."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
