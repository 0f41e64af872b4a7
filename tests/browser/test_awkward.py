"""Two people at once, a slow tenant, a tenant that is away, a session that ends midway."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import expect

from local.waiting import wait_until
from tests.browser.conftest import OpenContext
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT

pytestmark = pytest.mark.large

Suffer = Callable[[dict[str, object]], AbstractContextManager[None]]


@pytest.fixture
def suffer(system: System) -> Suffer:
    """Has the tenant's calls suffer faults while something is done."""

    @contextmanager
    def suffering(faults: dict[str, object]) -> Iterator[None]:
        system.tenant.control("PUT", "faults", faults)
        try:
            yield
        finally:
            system.tenant.control("PUT", "faults", {})

    return suffering


def test_two_people_save_the_same_user(open_context: OpenContext, system: System) -> None:
    """The second sees that the user has changed, and what is true now; nothing is done twice."""
    user = system.tenant.take("third_party")
    first, second = open_context().new_page(), open_context().new_page()
    for page in (first, second):
        page.goto(f"/api/console/users/{user['id']}")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("Verified")).to_have_class("done")
    before = system.tenant.writes()
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Nothing was done")
    expect(second.get_by_text("On Microsoft").first).to_be_visible()
    assert system.tenant.writes() == before


def test_what_is_wrong_stands_next_to_its_field(open_context: OpenContext, system: System) -> None:
    """A number that left the bridges meanwhile: said below it, and what was chosen stays chosen."""
    user = system.tenant.any_user("third_party")
    page = open_context().new_page()
    page.goto(f"/api/console/users/{user['id']}")
    field = page.get_by_label("Default toll number")
    field.evaluate("select => select.add(new Option('+15550100', '+15550100', true, true))")
    page.get_by_label("Mail the user").check()
    before = system.tenant.writes()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("'+15550100' is on no bridge")
    expect(page.get_by_label("Default toll number")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Default toll number")).to_have_value("+15550100")
    expect(page.get_by_label("Mail the user")).to_be_checked()
    assert system.tenant.writes() == before


def test_a_slow_tenant(open_context: OpenContext, system: System, suffer: Suffer) -> None:
    """A user's page takes as long as the tenant; lists do not wait for it."""
    user = system.tenant.take("third_party")
    page = open_context().new_page()
    with suffer({"slow_answers": 1.0, "slow_seconds": 1.0}):
        page.goto("/api/console/users", timeout=900)
        page.goto(f"/api/console/users/{user['id']}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Verified")).to_have_class("done", timeout=30_000)


def test_teams_is_away(open_context: OpenContext, system: System, suffer: Suffer) -> None:
    """The last picture with its age; no action is offered, and those of an older page are refused."""
    user = system.tenant.any_user("third_party")
    page = open_context().new_page()
    page.set_default_timeout(60_000)
    page.goto("/api/console/users")
    page.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}").check()
    before = system.tenant.writes()
    with suffer({"services": ["teams"], "errors_503": 1.0}):
        page.get_by_role("button", name="Move selected").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing can be moved before it answers")
        page.goto(f"/api/console/users/{user['id']}")
        expect(page.get_by_role("alert")).to_contain_text("This is the last picture")
        expect(page.get_by_text("the provider is").first).to_be_visible()
        expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.get_by_role("link", name="Check again").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    assert system.tenant.writes() == before


def test_a_session_that_ends_midway(open_context: OpenContext, system: System) -> None:
    """The form does nothing, and the page says how to come back."""
    user = system.tenant.any_user("third_party")
    context = open_context()
    page = context.new_page()
    page.goto("/api/console/users")
    page.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}").check()
    page.get_by_role("button", name="Move selected").click()
    before = system.tenant.writes()
    context.clear_cookies()
    page.get_by_role("button", name="Move 1 user").click()
    expect(page.get_by_role("alert")).to_contain_text("This session has ended")
    assert system.tenant.writes() == before


def test_a_held_user_is_released_by_name(open_context: OpenContext, system: System) -> None:
    """Only the selected one is moved, the run says who decided; the same decision again does nothing."""
    user = system.tenant.take("third_party")
    first, second = open_context().new_page(), open_context().new_page()
    for page in (first, second):
        page.goto("/api/console")
        page.get_by_role("link", name="holds users").first.click()
        page.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}").check()
    first.get_by_role("button", name="Release selected").click()
    expect(first.get_by_text("Decided by")).to_be_visible()
    expect(first.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}")).to_have_count(
        0
    )
    second.get_by_role("button", name="Release selected").click()
    # A timer may be at it just then.
    expect(second.get_by_role("alert")).to_contain_text(
        re.compile("does not hold|somebody else is deciding")
    )
    system.host.upkeep("releases")
    wait_until(
        lambda: system.tenant.user(user["id"])["provider"] == "Microsoft", "moved", TIME_LIMIT
    )
