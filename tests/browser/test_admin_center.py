"""The admin center's page, point by point: banner, filter, move; provider, default toll number, save."""

from playwright.sync_api import Page, expect

from local.waiting import wait_until
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, User


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
    for box in boxes.all():
        box.uncheck()
    for user in (first, second):
        page.get_by_role("checkbox", name=f"Select {user['userPrincipalName']}").check()
    page.get_by_role("button", name="Move selected").click()
    expect(page.get_by_text("1 conference ID and the numbers with it are replaced")).to_be_visible()
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


def test_old_numbers_are_shown_on_demand(page: Page, system: System) -> None:
    """After a move the saved conference ID is masked until somebody asks for it."""
    user = system.tenant.take("third_party")
    passcode = user["entries"][0]["participantPassCode"]
    page.goto(f"/api/console/users/{user['id']}")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Show the user as it is now").click()
    expect(page.get_by_text(passcode)).to_have_count(0)
    page.get_by_role("button", name="Show conference IDs").click()
    expect(page.get_by_text(passcode)).to_be_visible()
