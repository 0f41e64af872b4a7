"""Everybody can use the console: no finding of axe, narrow screens, no JavaScript, the keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from local.browser.install import AXE
from tests.browser.conftest import OpenContext
from tests.e2e.system import System

PAGES = ("", "/users", "/users?list=on_microsoft", "/runs", "/attention", "/health")
_AXE = AXE.read_text(encoding="utf-8") if AXE.is_file() else ""


def addresses(system: System) -> list[str]:
    """Every page, a user's and a run's included."""
    user = system.tenant.any_user("third_party")
    run = system.storage.rows("runs")[0]["RowKey"]
    return [*PAGES, f"/users/{user['id']}", f"/runs/{run}"]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.large)])
def test_axe_finds_nothing(open_context: OpenContext, system: System, scheme: str) -> None:
    """No page has a fault that axe-core knows, in light and in dark."""
    page = open_context(color_scheme=scheme).new_page()
    found = {}
    for address in addresses(system):
        page.goto(f"/api/console{address}")
        page.evaluate(f"{_AXE};0")
        faults = page.evaluate(
            "async () => (await axe.run()).violations.map(v => [v.id, v.nodes[0].html])"
        )
        if faults:
            found[address] = faults
    assert found == {}


@pytest.mark.large
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_scrolls_sideways(open_context: OpenContext, system: System, width: int) -> None:
    """320 px is also 1,280 px at 400 %: the page fits, and only tables scroll, in their own frame."""
    page = open_context(viewport={"width": width, "height": 800}).new_page()
    for address in addresses(system):
        page.goto(f"/api/console{address}")
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, address


@pytest.mark.large
def test_users_are_moved_without_javascript(open_context: OpenContext, system: System) -> None:
    """Every action is a form: select, see what it does, confirm, see the result."""
    user = system.tenant.take("third_party")
    page = open_context(java_script_enabled=False).new_page()
    page.goto("/api/console/users")
    page.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}").check()
    page.get_by_role("button", name="Move selected").click()
    page.get_by_role("button", name="Move 1 user").click()
    expect(page.get_by_text("Finished")).to_be_visible()
    assert system.tenant.user(user["id"])["provider"] == "Microsoft"


@pytest.mark.large
def test_users_are_moved_by_keyboard_alone(page: Page, system: System) -> None:
    """Tab, space and enter lead from the overview to a moved user, and the focus is always seen."""
    page.goto("/api/console")

    def press_until(name: str) -> None:
        for _ in range(400):
            page.keyboard.press("Tab")
            focus = page.evaluate(
                "() => document.activeElement.getAttribute('aria-label')"
                " || document.activeElement.innerText || ''"
            )
            shown = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert shown != "none", f"the focus on {focus!r} is not seen"
            if re.match(name, focus):
                return
        raise AssertionError(f"no Tab leads to {name}")

    user = system.tenant.take("third_party")
    press_until("Users")
    page.keyboard.press("Enter")
    page.wait_for_url("**/users")
    press_until(f"Select {user['userPrincipalName']}")
    page.keyboard.press("Space")
    press_until("Move selected")
    page.keyboard.press("Enter")
    page.wait_for_url("**/move")
    press_until("Move 1 user")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Finished")).to_be_visible()
    assert system.tenant.user(user["id"])["provider"] == "Microsoft"
