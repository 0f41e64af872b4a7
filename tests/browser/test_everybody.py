"""Everybody can use every page: axe finds nothing, narrow screens do, targets and the focus are seen."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenContext
from tests.browser.places import faults_of, places, trouble
from tests.e2e.system import System

pytestmark = pytest.mark.large

SMALLEST = 24
_SMALL = f"""() => [...document.querySelectorAll(
    'nav a, .button, button, input:not([type=hidden]), select, td a, .figures a, summary, .pager a'
)].filter(each => each.checkVisibility())
  .map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
  .filter(([_, box]) => box.width < {SMALLEST} || box.height < {SMALLEST}).map(([html]) => html)"""
_WIDE = "() => document.documentElement.scrollWidth"
_HIDDEN = """() => {
    const focused = document.activeElement, box = focused.getBoundingClientRect();
    const style = getComputedStyle(focused);
    if (focused === document.body) return null;
    const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const covered = seen && !focused.contains(seen) && !seen.contains(focused);
    return style.outlineStyle === 'none' || covered ? focused.outerHTML.slice(0, 80) : '';
}"""


@pytest.fixture(scope="module", autouse=True)
def troubled(system: System) -> None:
    """Somebody is in attention, so that this page has something to show."""
    trouble(system)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_context: OpenContext, system: System, scheme: str) -> None:
    """No page has a fault that axe-core knows, in light and in dark; those after a form included."""
    page = open_context(color_scheme=scheme).new_page()
    found = {}
    for name, go in places(system).items():
        go(page)
        found[name] = faults_of(page)
    assert not any(found.values()), found


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_scrolls_sideways(open_context: OpenContext, system: System, width: int) -> None:
    """320 px is also 1,280 px at 400 %: the page fits, and only tables scroll, in their own frame."""
    page = open_context(viewport={"width": width, "height": 800}).new_page()
    found = {}
    for name, go in places(system).items():
        go(page)
        found[name] = int(page.evaluate(_WIDE))
    assert {name: wide for name, wide in found.items() if wide > width} == {}


def test_targets_are_large_enough(open_context: OpenContext, system: System) -> None:
    """Everything that can be pressed is at least 24 pixels wide and high, links within a text aside."""
    page = open_context().new_page()
    found = {}
    for name, go in places(system).items():
        go(page)
        found[name] = page.evaluate(_SMALL)
    assert not any(found.values()), found


def test_exact_times_are_in_the_reader_s_zone(open_context: OpenContext) -> None:
    """On hover; without scripts in UTC, which it says."""
    for scripts, zone in ((True, "GMT+9"), (False, "UTC")):
        page = open_context(timezone_id="Asia/Tokyo", java_script_enabled=scripts).new_page()
        page.goto("/api/console")
        assert str(page.locator("time").first.get_attribute("title")).endswith(zone)


def _unseen(page: Page) -> list[str]:
    """Return what has the focus and is not seen, while Tab goes through a page once."""
    unseen = []
    for _ in range(400):
        page.keyboard.press("Tab")
        said = page.evaluate(_HIDDEN)
        if said is None:
            break
        unseen += [said] if said else []
    return unseen


def test_the_focus_is_seen_wherever_it_is(open_context: OpenContext, system: System) -> None:
    """Tab goes through each page, and nothing hides what has the focus, or its outline."""
    page = open_context().new_page()
    found = {}
    for name, go in places(system).items():
        if name not in ("all users", "on Microsoft"):
            go(page)
            page.evaluate("() => document.activeElement.blur()")
            found[name] = _unseen(page)
    assert not any(found.values()), found
