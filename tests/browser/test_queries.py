"""What the app asks its tables: a partition, always, and no more than a page where a person waits.

Azurite hides a scan of a table: over 500,000 rows it answers in milliseconds what takes minutes in
Azure. So every query on the wire is recorded.
"""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local.azurite.server import Azurite
from tests.e2e.proxy import Forward, Proxy, Reply, Request
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import Tenant

pytestmark = pytest.mark.large

_QUERY = re.compile(r"/[^/]+/([A-Za-z0-9]+)\(\)")
_ONE_PARTITION = re.compile(r"PartitionKey eq '[^']*'")
WHOLE = {
    "waiting": "users who wait or need attention are few, and the timer reads all of them",
}
"""Tables that services may read across partitions, with the reason; the console may not."""

PAGES = (
    "",
    "/users",
    "/users?list=on_microsoft&search=a&provider=BT&country=DE",
    "/users.csv?list=ready",
    "/runs",
    "/attention",
)


class Recorder:
    """A rule of the proxy that passes everything on and keeps each query: table, filter, page."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, str, str | None]] = []

    def __call__(self, request: Request, forward: Forward) -> Reply:
        """Keep a query and pass it on."""
        address = urlsplit(request.target)
        match = _QUERY.fullmatch(address.path)
        if request.method == "GET" and match:
            given = parse_qs(address.query)
            top = given.get("$top", [None])[0]
            self.queries.append((match[1], given.get("$filter", [""])[0], top))
        return forward(request)

    def take(self) -> list[tuple[str, str, str | None]]:
        """Return what was asked since the last time."""
        taken, self.queries = self.queries, []
        return taken


@pytest.fixture
def recorded(
    azurite_server: Azurite, tenant: Tenant, tmp_path: Path
) -> Iterator[tuple[System, Recorder]]:
    """An app whose tables are behind a proxy that keeps what they are asked."""
    tables = dict(
        part.split("=", 1) for part in azurite_server.connection_string.split(";") if "=" in part
    )["TableEndpoint"]
    origin = f"http://{urlsplit(tables).netloc}"
    recorder = Recorder()
    with Proxy(origin, recorder) as proxy:
        connection = azurite_server.connection_string.replace(
            tables, tables.replace(origin, proxy.origin)
        )
        settings = {"ACP_CONSOLE_TOKEN": secrets.token_urlsafe(32), "ACP_RECHECK_SCHEDULE": NEVER}
        with System(azurite_server, tenant, tmp_path, settings, connection=connection) as system:
            yield system, recorder


def unbound(queries: list[tuple[str, str, str | None]], prefix: str) -> list[tuple[str, str]]:
    """The queries that leave the partition open, but for the tables that may be read whole."""
    return [
        (table, text)
        for table, text, _ in queries
        if not _ONE_PARTITION.search(text) and table.removeprefix(prefix) not in WHOLE
    ]


def test_no_query_scans_a_table(recorded: tuple[System, Recorder]) -> None:
    """Services: a sweep, its moves, a recheck. Console: each page, a download, a move and its run."""
    system, recorder = recorded
    prefix = system.settings["ACP_TABLE_PREFIX"]
    system.sweep()
    system.host.upkeep("recheck")
    served = recorder.take()
    assert served, "nothing was recorded"
    assert unbound(served, prefix) == []
    token = system.settings["ACP_CONSOLE_TOKEN"]
    user = system.tenant.any_user("third_party")["id"]
    run = system.storage.rows("runs")[0]["RowKey"]
    with httpx.Client(base_url=f"{system.host.origin}/api/console", timeout=30) as http:
        cookie = http.get(f"/enter?token={token}").headers["set-cookie"].partition(";")[0]
        http.headers["Cookie"] = cookie
        recorder.take()
        for path in (*PAGES, f"/users/{user}", f"/runs/{run}"):
            http.get(path).raise_for_status()
    asked = recorder.take()
    assert {table.removeprefix(prefix) for table, *_ in asked} >= {"roster", "waiting", "runs"}
    open_ended = [(t, text) for t, text, _ in asked if not _ONE_PARTITION.search(text)]
    endless = [(t, text) for t, text, top in asked if top is None]
    assert (open_ended, endless) == ([], [])
