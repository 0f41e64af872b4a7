"""Draws the pages of the console after the demo, in light and in dark (`make pictures`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import Page, ViewportSize, sync_playwright

from cli.demo import leftovers
from cli.demo.tour import console_address
from local.browser.install import environment_of, executable

if TYPE_CHECKING:
    from cli.demo.summary import Evidence
    from cli.demo.system import DemoSystem

FOLDER: Final = Path(__file__).parent
SCHEMES: Final = ("light", "dark")
PAGES: Final = {
    "overview": "",
    "users": "users",
    "user": "users/*",
    "run": "runs/*",
    "held": "runs/*",
}
"""The pages that are drawn, by address; each is a file for each scheme, `console-PAGE-SCHEME.png`."""

_SIZE: Final[ViewportSize] = {"width": 1_000, "height": 480}
_HIGHEST: Final = 880
_OVERVIEW: Final = 1_240
_LIMIT_MS: Final = 30_000
_BASE: Final = "/api/console"


def draw(system: "DemoSystem", evidence: "Evidence") -> None:
    """Leave something to do, and draw each page that shows it."""
    chosen = leftovers.choose(evidence)
    leftovers.prepare(system, chosen)
    moved = next(user.id for user in evidence.replaced if user not in [one for one, _ in chosen])
    with _opened(system) as (light, dark):
        addresses = _addresses(light, moved)
        for page, scheme in ((light, "light"), (dark, "dark")):
            for name in PAGES:
                page.goto(addresses[name])
                page.screenshot(
                    path=FOLDER / f"console-{name}-{scheme}.png",
                    full_page=True,
                    clip={"x": 0, "y": 0, "width": _SIZE["width"], "height": _height(page, name)},
                )


def _height(page: Page, name: str) -> int:
    """Return how much of a page is drawn: all of the overview, or the top of a long list."""
    highest = _OVERVIEW if name == "overview" else _HIGHEST
    return min(highest, int(page.evaluate("document.documentElement.scrollHeight")))


def _addresses(page: Page, user: str) -> dict[str, str]:
    """Return where each page is; the runs are those that the list shows."""
    page.goto(f"{_BASE}/runs")
    held = page.get_by_role("row").filter(has_text="Held").get_by_role("link").first
    done = page.get_by_role("row").filter(has_text="Finished").get_by_role("link").first
    return {
        "overview": _BASE,
        "users": f"{_BASE}/users",
        "user": f"{_BASE}/users/{user}",
        "run": str(done.get_attribute("href")),
        "held": str(held.get_attribute("href")),
    }


@contextmanager
def _opened(system: "DemoSystem") -> Iterator[list[Page]]:
    """Open a browser that is signed in, with a page for each scheme."""
    chromium = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, env={**environment_of(chromium)}
        )
        first = browser.new_context()
        first.new_page().goto(console_address(system.host))
        session = first.storage_state()
        pages = []
        for scheme in SCHEMES:
            context = browser.new_context(
                base_url=system.host.origin,
                storage_state=session,
                color_scheme=scheme,
                viewport=_SIZE,
            )
            context.set_default_timeout(_LIMIT_MS)
            pages.append(context.new_page())
        yield pages
        browser.close()
