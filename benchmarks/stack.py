"""The system that is measured: Azurite, a simulated tenant, and as many hosts as needed.

The children end with the `with` blocks, and with this process however it ends (local/processes.py).
Bytecode goes to a temporary folder, so that a run neither depends on the tree's nor changes it.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from benchmarks.figures import UnavailableError
from local import stack
from local.azurite.server import Azurite
from local.commands import AppHost, TenantProcess, forget_surroundings

QUEUE: Final = "moves"
BY_THEMSELVES: Final = (
    "clean_up",
    "carry_out_request",
    "keep_subscription",
    "move_users",
    "queued_license_events",
    "run_upkeep",
    "sweep_providers",
    "tick",
)
"""The functions that start by themselves: by a queue or by a timer."""

GUARD_LIMIT: Final = 1_000_000
"""Users whom the app may change within an hour here: all of them."""

SWEEP_LIMIT: Final = 3600.0
"""Seconds that a sweep may take: it is waited for in one request."""

_INSIDE_BATCHES: Final = {("graph", "get_user")}
"""Calls that the tenant counts one by one, and that the app only makes inside a batch."""


class Stack(stack.Stack[TenantProcess]):
    """A storage and a tenant of `users` users, whose services lag behind by nothing. Context manager.

    options: further ones of `acp tenant`. counted: requests to the storage are counted.
    """

    def __init__(self, users: int, *options: object, counted: bool = False) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="acp-bench-")
        folder = Path(self._scratch.name)
        environment = bytecode(folder)
        azurite = Azurite(log=folder / "azurite.log", verbose=counted)
        tenant = TenantProcess(folder, users=users, options=options, environment=environment)
        super().__init__(folder, azurite, tenant, environment=environment)

    def close(self) -> None:
        """Stop everything and remove the folder."""
        super().close()
        self._scratch.cleanup()

    @contextmanager
    def host(
        self, *, port: int = 0, disabled: tuple[str, ...] = (), **settings: str
    ) -> Iterator[AppHost]:
        """Run a host whose functions start by themselves, except for those `disabled`."""
        off = {f"AzureWebJobs.{name}.Disabled": "1" for name in disabled}
        limit = {"ACP_GUARD_MAX_MOVES": str(GUARD_LIMIT)}
        with self.add_host(limit | off | settings, port=port) as host:
            triggers = {name: row["trigger"] for name, row in host.functions().items()}
            starting = {n for n, t in triggers.items() if t in ("queueTrigger", "timerTrigger")}
            if new := starting.difference(BY_THEMSELVES):
                raise UnavailableError(f"benchmarks/stack.py does not know of {sorted(new)}")
            yield host

    def storage_requests(self) -> int:
        """How many requests the storage got so far; 0 unless the stack counts them."""
        log = (self.folder / "azurite.log").read_text(encoding="utf-8", errors="replace")
        return sum("HTTP/1.1" in line for line in log.splitlines())

    def log_lines(self) -> int:
        """How many lines the app has written to the hosts' log so far."""
        lines = (self.folder / "host.log").read_bytes().splitlines()
        return sum(b" acp." in line for line in lines)

    def windows(self) -> list[int]:
        """Milliseconds from each read of entries to the set that it was saved for, as logged."""
        log = (self.folder / "host.log").read_text(encoding="utf-8", errors="replace")
        return [int(found) for found in re.findall(r"\bdecided .*?\bwindow_ms=(\d+)", log)]

    def statuses(self) -> dict[str, dict[str, dict[str, int]]]:
        """How many answers of each status each service gave so far, by operation."""
        found: dict[str, dict[str, dict[str, int]]] = self.tenant.control("GET", "counters")[
            "calls"
        ]
        return found

    def calls(self) -> dict[str, int]:
        """How many requests each service got so far; a batch is one, whatever is in it."""
        return {
            service: sum(
                sum(statuses.values())
                for operation, statuses in operations.items()
                if (service, operation) not in _INSIDE_BATCHES
            )
            for service, operations in self.statuses().items()
        }

    def queued(self) -> int:
        """How many messages the queue holds; 0 when it does not exist."""
        with QueueClient.from_connection_string(self.connection_string, QUEUE) as queue:
            try:
                return queue.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0

    def subscription(self) -> tuple[str, str]:
        """The subscription's id and secret, as the app stored them."""
        (row,) = self._rows("state", "RowKey eq 'subscription'")
        own = str(row["subscription_id"])
        secrets = {s["subscription_id"]: s["client_state"] for s in json.loads(row["secrets"])}
        return own, str(secrets.get(own) or secrets[""])

    def rows(self, table: str) -> int:
        """How many rows a table has; 0 when it does not exist."""
        return len(self._rows(table))

    def _rows(self, table: str, which: str = "") -> list[dict[str, Any]]:
        with TableServiceClient.from_connection_string(self.connection_string) as tables:
            try:
                return list(tables.get_table_client(table).query_entities(which))
            except ResourceNotFoundError:
                return []


def bytecode(folder: Path) -> dict[str, str]:
    """The environment in which an interpreter keeps its bytecode below `folder`."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of the app and without Python's own switches."""
    found = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    forget_surroundings(found)
    return found
