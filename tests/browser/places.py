"""Every page of the console, and how somebody gets there; what axe-core says of it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from local.browser.install import AXE
from local.waiting import wait_until
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, User

_AXE = AXE.read_text(encoding="utf-8") if AXE.is_file() else ""
_FAULTS = "async () => (await axe.run()).violations.map(v => [v.id, v.nodes[0].html])"

Go = Callable[[Page], object]


def trouble(system: System) -> User:
    """Have a user in attention: the service refuses the change."""
    user = system.tenant.take("third_party")
    system.tenant.control("PUT", "faults", {"set_refused": 1.0})
    body = {"users": [user["id"]], "expected": 1}
    system.host.http.post("/api/moves", json=body).raise_for_status()
    wait_until(lambda: system.storage.outcome(user["id"]) == "failed", "it has failed", TIME_LIMIT)
    system.tenant.control("PUT", "faults", {})
    return user


def places(system: System) -> dict[str, Go]:
    """Return every page, a user's and a run's included, and what a form shows that did nothing."""
    user = system.tenant.any_user("third_party")["id"]
    runs = sorted(row["RowKey"] for row in system.storage.rows("runs"))
    held = next(run for run in runs if "-sweep-" in run)

    def confirm(page: Page) -> None:
        page.goto("/api/console/users")
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="Move selected").click()
        page.get_by_role("heading", name="Move users").wait_for()

    def nobody(page: Page) -> None:
        page.goto("/api/console/users")
        page.get_by_role("button", name="Move selected").click()
        page.get_by_role("alert").wait_for()

    def decided(page: Page) -> None:
        page.goto(f"/api/console/runs/{held}")
        page.get_by_role("button", name="Discard selected").click()
        page.get_by_role("alert").wait_for()

    def at(path: str) -> Go:
        return lambda page: page.goto(f"/api/console{path}")

    return {
        "overview": at(""),
        "ready": at("/users"),
        "all users": at("/users?list=all"),
        "on Microsoft": at("/users?list=on_microsoft"),
        "nobody there": at("/users?list=ready&provider=nobody"),
        "user": at(f"/users/{user}"),
        "runs": at("/runs"),
        "held run": at(f"/runs/{held}"),
        "last run": at(f"/runs/{runs[-1]}"),
        "attention": at("/attention"),
        "health": at("/health"),
        "wrong filter": at("/users?country=Germany"),
        "no such user": at("/user?name=nobody"),
        "no such page": at("/nothing"),
        "confirm": confirm,
        "nobody selected": nobody,
        "nobody decided about": decided,
    }


def faults_of(page: Page) -> Any:
    """Return what axe-core finds on a page."""
    page.evaluate(f"{_AXE};0")
    return page.evaluate(_FAULTS)
