"""A real browser on the console of a real app. Every page obeys its policy, or the test fails."""

import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    StorageStateCookie,
    sync_playwright,
)

from local.azurite.server import Azurite
from local.browser.install import environment_of, executable
from local.errors import ChildError
from tests.e2e.system import System
from tests.e2e.tenant import Tenant

LAG = 600
TIME_LIMIT_MS = 15_000

OpenContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests are skipped, but on CI they fail.

    Not for the whole session: while it is open, no other test of this process can run an event loop.
    """
    try:
        chromium = executable()
    except ChildError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, env={**environment_of(chromium)}
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A tenant whose third-party users nobody has moved yet."""
    with Tenant(tmp_path_factory.mktemp("browser"), users=130, seed=5, lag=LAG) as tenant:
        tenant.advance(LAG)
        yield tenant


@pytest.fixture(scope="module")
def system(
    azurite_server: Azurite, tenant: Tenant, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """The app after a sweep that the guard held: it knows all users and has moved nobody."""
    folder = tmp_path_factory.mktemp("console")
    token = secrets.token_urlsafe(32)
    settings = dict.fromkeys(("ACP_GUARD_MAX_MOVES", "ACP_GUARD_MAX_ENABLES"), "0")
    settings |= {"ACP_CONSOLE_TOKEN": token, "ACP_MAX_FAILURES": "1"}
    with System(azurite_server, tenant, folder, settings) as system:
        system.sweep()
        yield system


@pytest.fixture(scope="module")
def session(system: System) -> StorageState:
    """The cookies of a browser that opened the printed address."""
    token = system.settings["ACP_CONSOLE_TOKEN"]
    answer = httpx.get(f"{system.host.origin}/api/console/enter?token={token}", timeout=15)
    name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
    cookie: StorageStateCookie = {
        "name": name,
        "value": value,
        "domain": "127.0.0.1",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": True,
        "sameSite": "Strict",
    }
    return {"cookies": [cookie]}


@pytest.fixture
def open_context(browser: Browser, system: System, session: StorageState) -> Iterator[OpenContext]:
    """Opens browsers that are signed in; options as for `new_context`."""
    opened: list[BrowserContext] = []

    def open_(**options: Any) -> BrowserContext:
        context = browser.new_context(base_url=system.host.origin, storage_state=session, **options)
        context.set_default_timeout(TIME_LIMIT_MS)
        opened.append(context)
        return context

    yield open_
    for context in opened:
        context.close()


@pytest.fixture
def context(open_context: OpenContext) -> BrowserContext:
    """A browser that is signed in."""
    return open_context()


@pytest.fixture
def page(context: BrowserContext, system: System) -> Iterator[Page]:
    """A page; at its end there was no error, no broken policy, and no request to anybody else."""
    page = context.new_page()
    said: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(system.host.origin) else foreign.append(request.url)
        ),
    )
    yield page
    assert (said, foreign) == ([], [])
