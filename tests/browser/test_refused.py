"""What the console refuses: other origins, ended sessions, used addresses, names that are markup."""

from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.e2e.system import System

NAME = "<img src=x onerror=alert(1)>"


@pytest.fixture
def cookies(session: StorageState) -> dict[str, str]:
    """The session's cookie."""
    return {str(each["name"]): str(each["value"]) for each in session["cookies"]}


def post(system: System, cookies: dict[str, str], headers: dict[str, str]) -> httpx.Response:
    """Send the form that begins a move."""
    return httpx.post(
        f"{system.host.origin}/api/console/users/move/begin",
        data={"user": system.tenant.any_user("third_party")["id"], "key": "forged"},
        cookies=cookies,
        headers=headers,
        timeout=15,
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_form_of_another_origin_does_nothing(
    system: System, cookies: dict[str, str], headers: dict[str, str]
) -> None:
    """Even with the session's cookie: 403, a page that says so, and no change."""
    before = system.tenant.writes()
    answer = post(system, cookies, headers)
    assert answer.status_code == 403
    assert "nothing was done" in answer.text
    assert system.tenant.writes() == before


def test_without_a_session_a_page_says_what_to_do(browser: Browser, system: System) -> None:
    """No cookie, or a wrong one: 401, and how to open the console; the address opens it only once."""
    page = browser.new_page()
    for path in ("", "/users", f"/enter?token={system.settings['ACP_CONSOLE_TOKEN']}", "/enter"):
        answer = page.goto(f"{system.host.origin}/api/console{path}")
        assert answer is not None
        assert answer.status == 401
        expect(page.get_by_role("alert")).to_contain_text("start the host again")
    page.close()


def test_the_policy_is_on_every_answer(system: System, cookies: dict[str, str]) -> None:
    """Nothing inline, nothing from elsewhere, no frame; a page is never stored."""
    for path in ("", "/nothing", "/users/nobody"):
        headers = httpx.get(
            f"{system.host.origin}/api/console{path}", cookies=cookies, timeout=15
        ).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["Cache-Control"] == "no-store"


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


def test_a_double_click_is_one_run(system: System, cookies: dict[str, str]) -> None:
    """The same form twice leads to the same run."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    first, second = post(system, cookies, headers), post(system, cookies, headers)
    assert first.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]


def test_a_list_that_does_not_exist_is_named(page: Page) -> None:
    """A bad parameter is answered with what there is."""
    answer = page.request.get("/api/console/users?list=nonsense")
    assert answer.status == 400
    assert "there are on_microsoft, ready" in answer.text()
