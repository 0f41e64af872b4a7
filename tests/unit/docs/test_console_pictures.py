"""The pictures of the console are those of pages that exist, and readers are shown each of them."""

from pathlib import Path

import pytest

from docs.pictures import console
from functions.console.door import PAGES

ROOT = Path(__file__).parents[3]
LARGEST = 120_000
FILES = {f"console-{page}-{scheme}.png" for page in console.PAGES for scheme in console.SCHEMES}


def test_every_picture_is_drawn_and_small() -> None:
    """A picture of a page that `make pictures` no longer draws is a page that no longer exists."""
    there = {file.name for file in (ROOT / "docs/pictures").glob("*.png")}
    assert there == FILES
    sizes = {file.name: file.stat().st_size for file in (ROOT / "docs/pictures").glob("*.png")}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


@pytest.mark.parametrize("address", console.PAGES.values())
def test_what_is_drawn_is_a_page(address: str) -> None:
    """The console has the page that a picture shows."""
    assert ("GET", address) in PAGES


@pytest.mark.parametrize("page", console.PAGES)
def test_every_picture_is_shown(page: str) -> None:
    """docs/console.md shows each page in light and in dark, with a text for who does not see it."""
    text = (ROOT / "docs/console.md").read_text(encoding="utf-8")
    for scheme in console.SCHEMES:
        assert f"pictures/console-{page}-{scheme}.png" in text
    assert f'<img alt="The page {page}' in text
