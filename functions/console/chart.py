"""Two small charts as SVG: drawn by the page's own style, so that they follow dark mode."""

from collections.abc import Sequence
from typing import Final

import htpy
from htpy import Element

_svg: Final = htpy.Element("svg")
_rect: Final = htpy.Element("rect")
_WIDTH: Final = 300
_HEIGHT: Final = 64


def bars(name: str, days: Sequence[tuple[str, int]]) -> Element:
    """Return a bar for each day; the numbers are in a table beside it, so it is hidden from readers."""
    top = max((value for _, value in days), default=0) or 1
    step = _WIDTH / max(len(days), 1)
    return _svg(".chart", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=name)[
        (
            _rect(
                x=f"{number * step:.1f}",
                y=f"{_HEIGHT - value / top * _HEIGHT:.1f}",
                width=f"{step * 0.7:.1f}",
                height=f"{value / top * _HEIGHT:.1f}",
            )
            for number, (_, value) in enumerate(days)
        )
    ]
