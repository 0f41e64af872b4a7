"""The whole system as child processes: Azurite, a simulated tenant, and any number of hosts.

The children end with the `with` blocks, and with this process however it ends (local/processes.py).
Bytecode goes to a temporary folder, so that a run neither depends on the tree's nor changes it.
"""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from benchmarks.figures import ROOT, UnavailableError
from local.azurite.server import Azurite
from local.processes import Child

QUEUE = "moves"
BY_THEMSELVES = (
    "catch_up",
    "carry_out_request",
    "keep_subscription",
    "measure",
    "move_users",
    "recheck_waiting",
    "record_poison",
    "renew_subscription",
    "resume_sweep",
    "sweep_providers",
)
"""The functions that start without a call: by a queue or by a timer."""

_INSIDE_BATCHES = {("graph", "get_user")}
"""Calls that the tenant counts one by one, and that the app only makes inside a batch."""

_READY = r"^ready (http://\S+)$"
_STORAGE_LOG = "azurite.log"
_SLOW = httpx.Timeout(10.0, read=1800.0)
"""Time limit of the one request that waits for a sweep."""


@dataclass(frozen=True, slots=True)
class Host:
    """A running host: its process and its address."""

    child: Child
    url: str

    def run(self, function: str) -> None:
        """Run a function now and wait for it; raises httpx.HTTPStatusError when it fails."""
        httpx.post(
            f"{self.url}/admin/functions/{function}", params={"wait": "true"}, timeout=_SLOW
        ).raise_for_status()

    def starting_by_themselves(self) -> set[str]:
        """The functions with a queue or a timer."""
        status: dict[str, Any] = _get(f"{self.url}/admin/host/status")
        triggers = {name: row["trigger"] for name, row in status["functions"].items()}
        return {n for n, trigger in triggers.items() if trigger in ("queueTrigger", "timerTrigger")}

    def counters(self, function: str) -> dict[str, int]:
        """How many invocations of a function are `running`, have `succeeded`, have `failed`."""
        status: dict[str, Any] = _get(f"{self.url}/admin/host/status")
        return {n: status["functions"][function][n] for n in ("running", "succeeded", "failed")}


@dataclass(frozen=True, slots=True)
class Stack:
    """A running storage and tenant; `host` adds a host."""

    storage: str
    tenant: str
    folder: Path

    def storage_requests(self) -> int:
        """Number of storage requests so far; 0 unless the stack counts them."""
        log = (self.folder / _STORAGE_LOG).read_text(encoding="utf-8", errors="replace")
        return sum("HTTP/1.1" in line for line in log.splitlines())

    def log_lines(self) -> int:
        """Number of log lines of the hosts so far."""
        return len((self.folder / "host.log").read_bytes().splitlines())

    def totals(self) -> dict[str, int]:
        """The tenant's counts of users, see local/tenant/README.md."""
        totals: dict[str, int] = self._state()["totals"]
        return totals

    def calls(self) -> dict[str, int]:
        """Number of requests per service so far; a batch counts as one."""
        services: dict[str, dict[str, dict[str, int]]]
        services = _get(f"{self.tenant}/_tenant/counters")["calls"]
        return {
            service: sum(
                sum(statuses.values())
                for operation, statuses in operations.items()
                if (service, operation) not in _INSIDE_BATCHES
            )
            for service, operations in services.items()
        }

    def queued(self) -> int:
        """Number of messages in the queue; 0 when it does not exist."""
        with QueueClient.from_connection_string(self.storage, QUEUE) as queue:
            try:
                return queue.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0

    def subscription(self) -> tuple[str, str]:
        """The subscription's id and secret, as the app stored them."""
        with TableServiceClient.from_connection_string(self.storage) as tables:
            row = tables.get_table_client("state").get_entity("state", "subscription")
        own = str(row["subscription_id"])
        secrets = {s["subscription_id"]: s["client_state"] for s in json.loads(row["secrets"])}
        return own, str(secrets.get(own) or secrets[""])

    def rows(self, table: str) -> int:
        """Number of rows in a table; 0 when it does not exist."""
        with TableServiceClient.from_connection_string(self.storage) as tables:
            found = tables.get_table_client(table).list_entities(select=["RowKey"])
            try:
                return sum(1 for _ in found)
            except ResourceNotFoundError:
                return 0

    @contextmanager
    def host(
        self, *, port: int = 0, disabled: tuple[str, ...] = (), **settings: str
    ) -> Iterator[Host]:
        """Start a host with all functions on, except those in `disabled`."""
        port = port or free_port()
        environment = self.settings(f"http://127.0.0.1:{port}") | settings
        environment |= {f"AzureWebJobs.{name}.Disabled": "1" for name in disabled}
        with acp("host", "--port", str(port), folder=self.folder, environment=environment) as host:
            found = Host(host, host.wait_for_line(_READY)[1])
            if new := found.starting_by_themselves().difference(BY_THEMSELVES):
                raise UnavailableError(f"benchmarks/stack.py does not know of {sorted(new)}")
            yield found

    def settings(self, public_url: str) -> dict[str, str]:
        """The app settings of a host at `public_url`."""
        return {
            "AzureWebJobsStorage": self.storage,
            "ACP_TENANT_ID": self._state()["tenantId"],
            "ACP_GRAPH_URL": self.tenant,
            "ACP_TEAMS_URL": self.tenant,
            "ACP_PUBLIC_URL": public_url,
            "ACP_SWEEP_MAX_MOVES": "1000000",
            "IDENTITY_ENDPOINT": f"{self.tenant}/msi/token",
            "IDENTITY_HEADER": "local",
        }

    def _state(self) -> dict[str, Any]:
        return _get(f"{self.tenant}/_tenant/state?summary=true")


class _TalkativeAzurite(Azurite):
    """Azurite that writes a line for each request."""

    def _command(self) -> list[str]:
        return [word for word in super()._command() if word != "--silent"]


@contextmanager
def stack(users: int, *more: str, seed: int = 1, counted: bool = False) -> Iterator[Stack]:
    """Start storage and a tenant of `users` users, whose services do not lag.

    more: further options of `acp tenant`. counted: requests to the storage are counted.
    """
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="acp-bench-")))
        kind = _TalkativeAzurite if counted else Azurite
        azurite = running.enter_context(kind(log=folder / _STORAGE_LOG))
        options = ("--port", "0", "--users", str(users), "--seed", str(seed), "--lag", "0", *more)
        tenant = running.enter_context(acp("tenant", *options, folder=folder))
        yield Stack(azurite.connection_string, tenant.wait_for_line(_READY, 120)[1], folder)


def acp(
    command: str, *options: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Child:
    """The command `acp` as a child process that is not started yet; its log is in `folder`."""
    arguments = [sys.executable, "-m", "cli", command, *options]
    return Child(
        f"acp {command}",
        arguments,
        log=folder / f"{command}.log",
        environment={**bytecode(folder), **(environment or {})},
        folder=ROOT,
    )


def bytecode(folder: Path) -> dict[str, str]:
    """The environment in which an interpreter keeps its bytecode below `folder`."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """This process's environment without the app's settings and Python's own switches."""
    foreign = ("ACP_", "AzureWebJobs", "IDENTITY_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _get(url: str) -> dict[str, Any]:
    answer = httpx.get(url, timeout=60.0).raise_for_status()
    content: dict[str, Any] = answer.json()
    return content
