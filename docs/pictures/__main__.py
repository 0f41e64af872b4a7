"""Draws what docs/pictures holds (`make pictures`): the demo as a terminal shows it, and the console."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from cli.demo.command import play
from cli.demo.snapshot import Snapshot
from cli.demo.view import View
from docs.pictures.console import draw

_FILE: Final = Path(__file__).with_name("demo.svg")
_WIDTH: Final = 84
_SHOWN: Final = ("ACP Mover", "Before", "Assigning", "Licensed, included users", "✔ all")
"""What the paragraphs that are drawn begin with: the first screen has no room for more."""


class _Picture(View):
    """Shows each step at the moment at which most users waited."""

    @contextmanager
    def watching(self, doing: str) -> Iterator[Callable[[Snapshot], None]]:
        """Remember every snapshot; in the end show one."""
        seen: list[Snapshot] = []
        yield seen.append
        self.print()
        self.print(self.frame(doing, max(seen, key=_waiting)))
        self.print()


def main() -> int:
    """Run the demo and write the pictures; return the demo's exit status."""
    console = _console()
    view = _Picture(console)
    view.live = False
    status = play(view, users=200, seed=1, then=draw)
    lines = Text.from_ansi(console.export_text(styles=True)).split("\n")
    drawn = _console()
    for first, last in _paragraphs([line.plain for line in lines]):
        for line in lines[first:last]:
            drawn.print(line)
        drawn.print()
    # Without the font that the usual form loads from elsewhere.
    style = CONSOLE_SVG_FORMAT.partition("@font-face")[0] + CONSOLE_SVG_FORMAT[_end_of_fonts() :]
    text = drawn.export_svg(title="acp demo", code_format=style, unique_id="demo")
    _FILE.write_text("\n".join(map(str.rstrip, text.splitlines())) + "\n", encoding="utf-8")
    return status


def _waiting(snapshot: Snapshot) -> int:
    totals = snapshot.totals
    return int(totals["licensedIncludedNotMicrosoft"] - totals["readyToMove"])


def _console() -> Console:
    return Console(
        file=io.StringIO(), record=True, force_terminal=True, width=_WIDTH, highlight=False
    )


def _paragraphs(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield where each paragraph that is drawn begins and ends."""
    for first, line in enumerate(lines):
        if line.startswith(_SHOWN) and (first == 0 or not lines[first - 1].strip()):
            # The bars of a frame have blank lines around them.
            blanks = 4 if line.startswith("Assigning") else 1
            ends = [at for at in range(first, len(lines)) if not lines[at].strip()]
            yield first, ends[blanks - 1] if len(ends) >= blanks else len(lines)


def _end_of_fonts() -> int:
    """Return where the last font face of rich's SVG form ends."""
    start = CONSOLE_SVG_FORMAT.rindex("@font-face")
    return CONSOLE_SVG_FORMAT.index("}}", start) + 2


if __name__ == "__main__":
    sys.exit(main())
