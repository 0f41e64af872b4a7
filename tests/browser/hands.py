"""How people use a page: by mouse, by keyboard alone, without JavaScript; and how often they click."""

from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Locator, Page

Role = Literal["link", "button", "checkbox"]

_TABS = 400
_IS_FOCUSED = "element => document.activeElement === element"
_OUTLINE = "() => getComputedStyle(document.activeElement).outlineStyle"


@dataclass
class Hands:
    """Somebody at a page, who begins at the overview. clicks: so far, checkboxes aside."""

    page: Page
    by_keyboard: bool = False
    clicks: int = 0
    path: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Open the overview."""
        self.page.goto("/api/console")
        self.clicks = 0

    def press(self, role: Role, name: str, *, exact: bool = False) -> None:
        """Press the first link or button of this name."""
        self.clicks += role != "checkbox"
        self._press(self.page.get_by_role(role, name=name, exact=exact).first)

    def write(self, label: str, text: str) -> None:
        """Write into a field."""
        into = self.page.get_by_label(label)
        if self.by_keyboard:
            self._focus(into)
            self.page.keyboard.type(text)
        else:
            into.fill(text)

    def _press(self, target: Locator) -> None:
        if not self.by_keyboard:
            target.click()
            return
        self._focus(target)
        is_box = target.get_attribute("type") == "checkbox"
        self.page.keyboard.press("Space" if is_box else "Enter")

    def _focus(self, target: Locator) -> None:
        target.wait_for()
        for _ in range(_TABS):
            self.page.keyboard.press("Tab")
            if target.evaluate(_IS_FOCUSED):
                assert self.page.evaluate(_OUTLINE) != "none", f"the focus on {target} is not seen"
                return
        raise AssertionError(f"no Tab leads to {target}")
