"""The console in a browser: five tasks, the admin center's page point by point, and what holds for everybody.

One file, so that one browser, one app and one tenant serve all of it; the other files take longer.
"""

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from local.waiting import wait_until
from tests.browser.conftest import OpenContext
from tests.browser.hands import Hands
from tests.browser.places import faults_of, places
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, User

NAME = "<img src=x onerror=alert(1)>"
MOST_CLICKS = 3


@pytest.fixture(
    params=[
        "mouse",
        pytest.param("keyboard", marks=pytest.mark.large),
        pytest.param("without JavaScript", marks=pytest.mark.large),
    ]
)
def hands(request: pytest.FixtureRequest, open_context: OpenContext) -> Hands:
    """Somebody at the overview."""
    with_scripts = request.param != "without JavaScript"
    page = open_context(java_script_enabled=with_scripts).new_page()
    return Hands(page, by_keyboard=request.param == "keyboard")


def test_how_many_are_left(hands: Hands) -> None:
    """The overview says it: no click."""
    hands.begin()
    banner = hands.page.get_by_role("status").first
    expect(banner).to_contain_text("have an Audio Conferencing license assigned but do not have")


def test_why_not_this_user(hands: Hands) -> None:
    """The list of those who are not moved says why, and so does the user's page."""
    hands.begin()
    hands.press("link", "Excluded")
    row = hands.page.get_by_role("row").nth(1)
    reason = row.get_by_role("cell").last.inner_text()
    assert reason
    hands.press("link", row.get_by_role("link").inner_text(), exact=True)
    expect(hands.page.get_by_text(reason).first).to_be_visible()
    assert hands.clicks <= MOST_CLICKS


def test_move_these(hands: Hands, system: System) -> None:
    """Select, see what it does, confirm: the tenant has Microsoft."""
    user = system.tenant.take("third_party")
    hands.begin()
    hands.press("link", "Ready")
    hands.press("checkbox", f"Select {user['userPrincipalName']}")
    hands.press("button", "Move selected")
    hands.press("button", "Move 1 user")
    expect(hands.page.get_by_text("Finished")).to_be_visible()
    assert system.tenant.user(user["id"])["provider"] == "Microsoft"
    assert hands.clicks <= MOST_CLICKS


def test_get_the_old_numbers(hands: Hands, system: System) -> None:
    """The saved conference ID of a user who was moved: find, show."""
    user = system.tenant.take("third_party")
    passcode = user["entries"][0]["participantPassCode"]
    body = {"users": [user["id"]], "expected": 1}
    system.host.http.post("/api/moves", json=body).raise_for_status()
    wait_until(
        lambda: system.tenant.user(user["id"])["provider"] == "Microsoft", "moved", TIME_LIMIT
    )
    hands.begin()
    hands.write("Find a user", user["userPrincipalName"])
    hands.press("button", "Open")
    hands.press("button", "Show conference IDs")
    expect(hands.page.get_by_text(passcode).first).to_be_visible()
    assert hands.clicks <= MOST_CLICKS


def test_stop(hands: Hands, system: System) -> None:
    """Why, and one click: nobody is changed until somebody resumes; the overview says who and why."""
    user = system.tenant.take("third_party")
    hands.begin()
    hands.write("Stop all changes, because", "the numbers are checked")
    hands.press("button", "Pause")
    expect(hands.page.get_by_text("All changes are paused by")).to_contain_text("are checked")
    assert hands.clicks <= MOST_CLICKS
    system.host.http.post("/api/moves", json={"users": [user["id"]]}).raise_for_status()
    system.wait_until_idle()
    assert system.tenant.user(user["id"])["provider"] != "Microsoft"
    hands.press("button", "Resume")
    expect(hands.page.get_by_role("button", name="Pause")).to_be_visible()


def provider_of(system: System, user: User) -> str | None:
    """The user's provider in the tenant."""
    found = system.tenant.user(user["id"])["provider"]
    return None if found is None else str(found)


def test_the_banner_leads_to_the_filter_and_two_selected_users_are_moved(
    page: Page, system: System
) -> None:
    """Banner, *Click here*, the filter by its name, side effects, confirm: the tenant has Microsoft."""
    first, second = system.tenant.take("third_party"), system.tenant.take("no_provider")
    page.goto("/api/console")
    expect(page.get_by_role("status").first).to_contain_text("have an Audio Conferencing license")
    page.get_by_role("link", name="Click here to move them").click()
    chosen = page.get_by_label("Show", exact=True)
    expect(chosen.locator("option:checked")).to_have_text(
        "Users ready to be moved to Audio Conferencing"
    )
    boxes = page.get_by_role("checkbox")
    expect(boxes.first).to_be_checked()
    boxes.evaluate_all("boxes => boxes.forEach(box => { box.checked = false; })")
    for user in (first, second):
        page.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}").check()
    page.get_by_role("button", name="Move selected").click()
    expect(page.get_by_text("Replaced: 1 conference ID, with the numbers")).to_be_visible()
    assert provider_of(system, first) != "Microsoft", "nothing happens before it is confirmed"
    page.get_by_role("button", name="Move 2 users").click()
    expect(page.get_by_text("Finished")).to_be_visible()
    page.reload()
    expect(page.get_by_role("cell", name="Moved")).to_have_count(2)
    assert (provider_of(system, first), provider_of(system, second)) == ("Microsoft", "Microsoft")


def test_a_default_toll_number_is_saved_on_the_user_s_page(page: Page, system: System) -> None:
    """Provider name, Default toll number, Save; then saved, set and verified, and the tenant has it."""
    user = system.tenant.take("third_party")
    number = "+" + system.tenant.numbers("Toll", default=False)[0].lstrip("+")
    page.goto(f"/api/console/users/{user['id']}")
    expect(page.get_by_label("Provider name").locator("option:checked")).to_have_text("Microsoft")
    page.get_by_label("Default toll number").select_option(number)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Verified")).to_have_class("done")
    wait_until(lambda: provider_of(system, user) == "Microsoft", "Microsoft is set", TIME_LIMIT)
    (entry,) = system.tenant.user(user["id"])["entries"]
    assert entry["tollNumber"] == number.lstrip("+")


def test_a_name_that_is_markup_is_text(page: Page, system: System) -> None:
    """A user called like a tag is shown by that name, and nothing is loaded or run."""
    user = system.tenant.take("third_party")
    page.goto(f"/api/console/users?search={NAME}")
    expect(page.get_by_text(NAME)).to_be_visible()
    refused = page.request.get(f"/api/console/users/{quote(NAME)}")
    assert refused.status in (400, 404)
    assert "&lt;img src=x" in refused.text()
    assert "<img" not in refused.text()
    page.goto(f"/api/console/users/{user['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text(user["displayName"])


def test_without_a_session_a_page_says_what_to_do(browser: Browser, system: System) -> None:
    """No cookie, or a used address: 401, and how to open the console."""
    page = browser.new_page()
    for path in ("", f"/enter?token={system.settings['ACP_CONSOLE_TOKEN']}"):
        answer = page.goto(f"{system.host.origin}/api/console{path}")
        assert answer is not None
        assert answer.status == 401
        expect(page.get_by_role("alert")).to_contain_text("start the host again")
    page.close()


def test_axe_finds_nothing(open_context: OpenContext, system: System) -> None:
    """No page has a fault that axe-core knows, in light; dark and pages after a form: `make large`."""
    page = open_context(color_scheme="light").new_page()
    found = {}
    for name, go in places(system).items():
        if name in ("overview", "ready", "user", "held run", "health"):
            go(page)
            found[name] = faults_of(page)
    assert not any(found.values()), found
