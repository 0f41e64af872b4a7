"""Route templates of HTTP triggers: literals in any case, `{name}`, `{name:guid}` and a last `{*rest}`.

https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates has more (optional
parameters, defaults, other constraints, several parameters in a segment): those are refused.
"""

import re
import uuid
from dataclasses import dataclass
from typing import Self

from local.host.errors import RouteError

_PARAMETER = re.compile(r"\{(?:\*(?P<rest>\w+)|(?P<guid>\w+):guid|(?P<any>\w+))\}", re.IGNORECASE)
_LITERAL, _GUID, _ANY, _REST = range(4)


@dataclass(frozen=True)
class _Segment:
    """A literal, or the name of a parameter; `rank` is what it takes, the most specific first."""

    text: str
    rank: int

    def accepts(self, value: str) -> bool:
        """Whether a part of a path fits."""
        if self.rank == _LITERAL:
            return value.lower() == self.text.lower()
        return self.rank != _GUID or _is_guid(value)


@dataclass(frozen=True)
class RouteTemplate:
    """A parsed template; make one with `RouteTemplate.parse`."""

    text: str
    segments: tuple[_Segment, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template; raises `RouteError` naming it and what is wrong."""
        segments = tuple(_segment(part, text) for part in text.strip("/").split("/") if part)
        if any(segment.rank == _REST for segment in segments[:-1]):
            raise RouteError(f"route {text!r}: only the last segment may be {{*rest}}")
        names = [segment.text.lower() for segment in segments if segment.rank != _LITERAL]
        if len(names) != len(set(names)):
            raise RouteError(f"route {text!r} names a parameter twice")
        return cls(text, segments)

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sorts templates so that the more specific one is tried first."""
        return tuple(segment.rank for segment in self.segments)

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters of a decoded path, or None when it does not fit."""
        parts = [part for part in path.strip("/").split("/") if part]
        single = [segment for segment in self.segments if segment.rank != _REST]
        rest, more = self.segments[len(single) :], parts[len(single) :]
        if len(parts) < len(single) or (more and not rest):
            return None
        values = {}
        for segment, part in zip(single, parts, strict=False):
            if not segment.accepts(part):
                return None
            if segment.rank != _LITERAL:
                values[segment.text] = part
        return values | ({rest[0].text: "/".join(more)} if more else {})


def _segment(part: str, template: str) -> _Segment:
    if not re.search(r"[{}]", part):
        return _Segment(part, _LITERAL)
    match = _PARAMETER.fullmatch(part)
    if match is None:
        raise RouteError(
            f"route {template!r}: the local host takes literals, {{name}}, {{name:guid}} and "
            f"{{*rest}}, not {part!r}"
        )
    name = match[match.lastgroup or 0]
    return _Segment(name, {"rest": _REST, "guid": _GUID, "any": _ANY}[match.lastgroup or ""])


def _is_guid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return "urn:" not in value.lower()
