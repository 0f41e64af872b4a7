"""Two small charts as SVG: drawn by the page's own style, so that they follow dark mode."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import htpy
from htpy import Element

_svg: Final = htpy.Element("svg")
_rect: Final = htpy.Element("rect")
_title: Final = htpy.Element("title")
_WIDTH: Final = 300
_HEIGHT: Final = 64


def bars(
    name: str, days: Sequence[tuple[str, Mapping[str, int]]], parts: Sequence[str] = ()
) -> Element:
    """Return a bar for each day; parts: what it is made of, from the bottom. The numbers are in a table."""
    top = max((sum(values.values()) for _, values in days), default=0) or 1
    return _svg(
        ".chart",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=name,
    )[
        (
            bar
            for at, (day, values) in enumerate(days)
            for bar in _bar(
                day, values, parts or list(values), at * _WIDTH / max(len(days), 1), top
            )
        )
    ]


def _bar(
    day: str, values: Mapping[str, int], parts: Sequence[str], left: float, top: int
) -> Iterator[Element]:
    below = 0.0
    for number, part in enumerate(parts):
        height = values.get(part, 0) / top * _HEIGHT
        if height:
            yield _rect(
                f".part{number}",
                x=f"{left:.1f}",
                y=f"{_HEIGHT - below - height:.1f}",
                width="7",
                height=f"{height:.1f}",
            )[_title[f"{day}: {part.replace('_', ' ')} {values[part]:,}"]]
        below += height
