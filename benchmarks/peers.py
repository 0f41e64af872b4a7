"""The app beside Microsoft's SDK for Python: CPU per user of a listing, same tenant, filter, pages and run.

`ACP_SDK_PYTHON` names an interpreter with msgraph-sdk installed, in an environment of its own
(`pip install msgraph-sdk deprecated`). Imports and sign-in are not counted on either side. The listing of
Teams has no peer: its target is a share of what commit 6a26332 takes in the same run (benchmark `before`).
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sized
from pathlib import Path

from benchmarks.figures import Figure, UnavailableError
from benchmarks.stack import Stack
from local.stack import app_settings
from shared.bootstrap.services import App
from shared.clients.graph import licensed_filter
from shared.settings.settings import Settings

_USERS, _QUICK = 99_999, 9_999
_PAGE = 999
_SHARE = 0.01
_SCRIPT = Path(__file__).with_name("sdk_peer.py")


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield CPU per user of both readers of Graph with their ratio, and of the reader of Teams."""
    sdk = os.environ.get("ACP_SDK_PYTHON", "")
    with Stack(_QUICK if quick else _USERS) as system:
        settings = app_settings(system.connection_string, system.tenant)
        os.environ.update(IDENTITY_ENDPOINT=settings["IDENTITY_ENDPOINT"], IDENTITY_HEADER="local")
        licensed, ours, listed, teams = asyncio.run(_ours(Settings.from_environment(settings)))
        note = f"{licensed:,} users"
        yield Figure("bulk read from Graph, the app", 1e6 * ours / licensed, "us/user", note=note)
        note = f"{listed:,} users"
        yield Figure("Teams listing, the app", 1e6 * teams / listed, "us/user", note=note)
        if not sdk:
            raise UnavailableError("ACP_SDK_PYTHON names no interpreter with msgraph-sdk installed")
        token = _token(system)
        wanted = licensed_filter(rooms=False)
        command = [sdk, str(_SCRIPT), system.tenant.origin, token, wanted, str(_PAGE)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        count, theirs = json.loads(answer)
        if count != licensed:
            raise UnavailableError(f"the SDK read {count:,} users, the app {licensed:,}")
    yield Figure("bulk read from Graph, msgraph-sdk", 1e6 * theirs / count, "us/user")
    yield Figure("the app / msgraph-sdk", ours / theirs, "CPU", _SHARE)


async def _ours(settings: Settings) -> tuple[int, float, int, float]:
    """Return users and CPU seconds of the listings of Graph and Teams."""
    app = App(settings)
    try:
        await app.adapters.graph.probe()
        await app.adapters.teams.probe()
        graph = await _timed(app.adapters.graph.licensed_ids(rooms=False))
        teams = await _timed(page.users async for page in app.adapters.teams.pages())
    finally:
        await app.close()
    return *graph, *teams


async def _timed(pages: AsyncIterator[Sized]) -> tuple[int, float]:
    began, count = time.process_time(), 0
    async for page in pages:
        count += len(page)
    return count, time.process_time() - began


def _token(system: Stack) -> str:
    answer = system.tenant.http.get(
        "/msi/token",
        params={"api-version": "2019-08-01", "resource": "https://graph.microsoft.com"},
        headers={"X-IDENTITY-HEADER": "local"},
    )
    return str(answer.raise_for_status().json()["access_token"])
