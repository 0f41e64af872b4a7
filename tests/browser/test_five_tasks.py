"""What an administrator comes for, each in at most three clicks from the overview, however it is used."""

import pytest
from playwright.sync_api import expect

from local.waiting import wait_until
from tests.browser.conftest import OpenContext
from tests.browser.hands import Hands
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT

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
