"""The processes of a storm: Azurite with its data on disk, a tenant, several hosts of one app.

The hosts share queue, tables and public address, as the instances of one function app do.
"""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import httpx

from local.azurite.server import Azurite
from tests.chaos.plan import Faults
from tests.e2e.host import Host
from tests.e2e.proxy import Forward, Proxy, Reply, Request
from tests.e2e.storage import AppStorage
from tests.e2e.system import EVERY_SECOND, NEVER, app_folder
from tests.e2e.tenant import PATIENCE, Tenant, User

_APP: Final = "chaos"
_LAG: Final = 1.0
_DOOR_PATIENCE: Final = 10.0


class Stage:
    """Everything that runs. Context manager; nothing of it outlives the context."""

    def __init__(
        self,
        folder: Path,
        *,
        users: int,
        seed: int,
        hosts: int,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.azurite = Azurite(folder / "azurite", log=folder / "azurite.log")
        self.tenant = Tenant(folder, users=users, seed=seed, lag=_LAG)
        self.hosts: list[Host] = []
        self.excluded: list[User] = []
        self._how_many = hosts
        self._settings = settings or {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def control(self, verb: str, path: str, body: object = None) -> dict[str, Any]:
        """Call the tenant's control API."""
        answer = self._http.request(verb, f"/_tenant/{path}", json=body)
        content: dict[str, Any] = answer.raise_for_status().json()
        return content

    def suffer(self, faults: Faults | None) -> None:
        """Put these faults in force in place of all others; None: no more faults."""
        if faults is None:
            self.control("DELETE", "faults")
        else:
            self.control("PUT", "faults", faults)

    def subscriptions(self) -> list[dict[str, Any]]:
        """The subscriptions that Graph has."""
        found: list[dict[str, Any]] = self.control("GET", "subscriptions")["subscriptions"]
        return found

    def begin_sweep(self, host: int) -> None:
        """Start a sweep and do not wait for it; a host that does not answer does not sweep."""
        try:
            self._http.post(f"{self.hosts[host].origin}/admin/functions/sweep_providers", json={})
        except httpx.HTTPError:
            return

    def logs(self) -> str:
        """Everything that the hosts have logged, over all their lives."""
        return "\n".join(host.log for host in self.hosts)

    def _start(self) -> None:
        enter = self._stack.enter_context
        enter(self.azurite)
        enter(self.tenant)
        self._http = enter(
            httpx.Client(base_url=self.tenant.origin, timeout=PATIENCE, trust_env=False)
        )
        self.storage = enter(AppStorage(self.azurite.connection_string, _APP))
        self.excluded = [self.tenant.take("third_party") for _ in range(2)]
        self.environment = self._environment()
        app = app_folder(self.folder)
        for number in range(self._how_many):
            host = Host(self.folder / f"host-{number}", app, self.environment)
            self._stack.callback(host.close)
            self.hosts.append(host)
        door = enter(FrontDoor([host.origin for host in self.hosts]))
        with ThreadPoolExecutor() as pool:  # at once, as the instances of a plan that scales out
            started = [pool.submit(host.start, ACP_PUBLIC_URL=door.origin) for host in self.hosts]
        for start in started:
            start.result()

    def _environment(self) -> dict[str, str]:
        by_id, by_name = self.excluded
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "ACP_TENANT_ID": str(self.tenant.summary()["tenantId"]),
            "ACP_GRAPH_URL": self.tenant.origin,
            "ACP_TEAMS_URL": self.tenant.origin,
            "IDENTITY_ENDPOINT": f"{self.tenant.origin}/msi/token",
            "IDENTITY_HEADER": "local",
            "ACP_QUEUE": _APP,
            "ACP_TABLE_PREFIX": _APP,
            "ACP_EXCLUDED_USERS": f"{by_id['id']},{by_name['userPrincipalName']}",
            "ACP_REQUEST_TIMEOUT": "3",
            "ACP_RECHECK_DELAYS": "1,1,2,3",
            "ACP_RECHECK_SCHEDULE": EVERY_SECOND,
            "ACP_CATCH_UP_SCHEDULE": "*/3 * * * * *",
            "ACP_SUBSCRIPTION_SCHEDULE": "*/10 * * * * *",
            "ACP_SWEEP_SCHEDULE": NEVER,
            "ACP_SWEEP_MAX_MOVES": "100000",
            "ACP_SWEEP_LEASE_SECONDS": "3",
            "ACP_PAGE_SIZE": "200",
            "ACP_MAX_FAILURES": "20",
            "ACP_HOST_MESSAGE_LEASE_SECONDS": "6",
            **self._settings,
        }


class FrontDoor(Proxy):
    """The app's public address: passes each request to the next host that answers."""

    def __init__(self, origins: list[str]) -> None:
        super().__init__(origins[0], self._pass_on)
        self._origins = origins
        self._turns = count()
        self._lock = threading.Lock()
        self._client = httpx.Client(timeout=_DOOR_PATIENCE, trust_env=False)

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self._client.close()

    def _pass_on(self, request: Request, forward: Forward) -> Reply:
        del forward  # it knows one host only
        with self._lock:
            turn = next(self._turns)
        for number in range(len(self._origins)):
            origin = self._origins[(turn + number) % len(self._origins)]
            try:
                answer = self._client.request(
                    request.method,
                    origin + request.target,
                    headers={n: v for n, v in request.headers.items() if n != "host"},
                    content=request.body,
                )
            except httpx.HTTPError:
                continue
            return Reply(answer.status_code, dict(answer.headers), answer.content)
        body = json.dumps({"error": "no host answers"}).encode()
        return Reply(502, {"content-type": "application/json"}, body)
