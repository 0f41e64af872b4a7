"""The processes of a storm: Azurite with its data on disk, a tenant, several hosts of one app.

The hosts share queue, tables and public address, as the instances of one function app do.
"""

import json
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import httpx

from local.azurite.server import Azurite
from local.stack import Stack
from tests.chaos.plan import Faults
from tests.chaos.weather import RATE, SETTINGS
from tests.e2e.proxy import BUSY, Forward, Proxy, Reply, Request, let_through
from tests.e2e.storage import AppStorage
from tests.e2e.system import EVERY_SECOND, IMPATIENT, NEVER
from tests.e2e.tenant import Tenant, User

_APP: Final = "chaos"
_LAG: Final = 1.0
_DOOR_LIMIT: Final = 10.0
_SETTINGS: Final = {
    "ACP_REQUEST_TIMEOUT": "3",
    "ACP_RECHECK_DELAYS": "1,1,2,3",
    "ACP_RECHECK_SCHEDULE": EVERY_SECOND,
    "ACP_CATCH_UP_SCHEDULE": "*/3 * * * * *",
    "ACP_SUBSCRIPTION_SCHEDULE": "*/10 * * * * *",
    "ACP_SWEEP_SCHEDULE": NEVER,
    "ACP_GUARD_MAX_MOVES": "100000",
    "ACP_SWEEP_LEASE_SECONDS": "3",
    "ACP_PAGE_SIZE": "200",
    "ACP_MAX_FAILURES": "20",
    "ACP_HOST_MESSAGE_LEASE_SECONDS": "6",
}


class Stage(Stack[Tenant]):
    """Everything that runs. Context manager; nothing of it outlives the context."""

    def __init__(
        self,
        folder: Path,
        *,
        users: int,
        seed: int,
        hosts: int,
        settings: Mapping[str, str] | None = None,
        long: bool = False,
    ) -> None:
        """long: for long weather, in which Teams takes few calls and a table can be refused."""
        azurite = Azurite(folder / "azurite", log=folder / "azurite.log")
        tenant = Tenant(folder, users=users, seed=seed, lag=_LAG, rate=RATE if long else None)
        super().__init__(folder, azurite, tenant, name=_APP, queues=IMPATIENT)
        self.excluded: list[User] = []
        self._long = long
        self._tables: Proxy | None = None
        self.door = ""
        """The app's public address."""
        self._how_many = hosts
        self._settings = {**(SETTINGS if long else {}), **(settings or {})}

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._start_hosts()
        except BaseException:
            self.close()
            raise
        return self

    def suffer(self, faults: Faults | None) -> None:
        """Put these faults in force in place of all others; None: no more faults."""
        self.tenant.control("DELETE" if faults is None else "PUT", "faults", faults)

    def refuse_table(self, table: str) -> None:
        """Let the app's calls to this table be answered 503, and no others; "": none."""
        named = re.compile(rf"/{self.storage.name}{table}\b")

        def busy(request: Request, forward: Forward) -> Reply:
            batch = request.body.decode(errors="replace") if "$batch" in request.target else ""
            return BUSY if named.search(request.target + batch) else forward(request)

        assert self._tables
        self._tables.rule = busy if table else let_through

    def restart(self, mode: str) -> tuple[float, float]:
        """Kill all hosts and start them in this mode; return when none ran, and when they do."""
        for host in self.hosts:
            host.kill()
        dead = time.time()
        self._start_all(ACP_MODE=mode)
        return dead, time.time()

    def begin_sweep(self, host: int) -> None:
        """Start a sweep and do not wait for it; a host that does not answer does not sweep."""
        try:
            self.hosts[host].begin("sweep_providers")
        except httpx.HTTPError:
            return

    def logs(self) -> str:
        """Everything that the hosts have logged, over all their lives."""
        return "\n".join(host.output for host in self.hosts)

    def _start_hosts(self) -> None:
        self.storage = self.enter(AppStorage(self.connection_string, _APP))
        by_id, by_name = self.excluded = [self.tenant.take("third_party") for _ in range(2)]
        excluded = f"{by_id['id']},{by_name['userPrincipalName']}"
        settings = {**_SETTINGS, "ACP_EXCLUDED_USERS": excluded, **self._settings}
        if self._long:
            address = urlsplit(self.azurite.endpoint("table"))
            origin = f"{address.scheme}://{address.netloc}"
            self._tables = self.enter(Proxy(origin))
            settings["AzureWebJobsStorage"] = self.connection_string.replace(
                origin, self._tables.origin
            )
        for number in range(self._how_many):
            self.add_host(settings, folder=self.folder / f"host-{number}")
        self.door = self.enter(FrontDoor([host.origin for host in self.hosts])).origin
        self._start_all(ACP_PUBLIC_URL=self.door)

    def _start_all(self, **settings: str) -> None:
        """Start all hosts at once, as the instances of a plan that scales out."""
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(host.start, **settings) for host in self.hosts]
        for start in started:
            start.result()


class FrontDoor(Proxy):
    """The app's public address: passes each request to the next host that answers."""

    def __init__(self, origins: list[str]) -> None:
        super().__init__(origins[0], self._pass_on)
        self._origins = origins
        self._turns = count()
        self._lock = threading.Lock()
        self._client = httpx.Client(timeout=_DOOR_LIMIT, trust_env=False)

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
