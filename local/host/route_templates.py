"""ASP.NET route templates, as the `route` of an HTTP trigger uses them.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger and
https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates: literals in any
case, `{name}`, `{name?}`, `{name=default}`, `{name:constraint}`, `{*rest}`. A segment may hold
one parameter between literal texts (`v{version}`); several in one segment are refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from local.host.errors import RouteError
from local.host.route_constraints import Check, constraint

_PARAMETER = re.compile(
    r"(?P<stars>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^:(=?]+(?:\((?:[^()]|\([^()]*\))*\))?)*)"
    r"(?:=(?P<default>[^?]*))?(?P<optional>\??)"
)
_CONSTRAINT = re.compile(r":([^:(]+(?:\((?:[^()]|\([^()]*\))*\))?)")
_LITERAL_RANK, _CONSTRAINED_RANK, _PARAMETER_RANK = 1, 2, 3


@dataclass(frozen=True)
class _Segment:
    """A literal (`name` is None) or a parameter between `prefix` and `suffix`."""

    prefix: str
    name: str | None = None
    suffix: str = ""
    checks: tuple[Check, ...] = ()
    catch_all: bool = False
    optional: bool = False
    default: str | None = None

    @property
    def rank(self) -> int:
        """ASP.NET's precedence: literal, constrained parameter, parameter, catch-all."""
        if self.name is None:
            return _LITERAL_RANK
        constrained = bool(self.checks or self.prefix or self.suffix)
        rank = _CONSTRAINED_RANK if constrained else _PARAMETER_RANK
        return rank + 2 if self.catch_all else rank

    def match(self, text: str) -> str | None:
        """The parameter's value (for a literal: the text itself), or None if it does not match."""
        low = text.lower()
        if self.name is None:
            return text if low == self.prefix.lower() else None
        if not (low.startswith(self.prefix.lower()) and low.endswith(self.suffix.lower())):
            return None
        value = text[len(self.prefix) : len(text) - len(self.suffix)]
        if not value and not self.catch_all:
            return None
        return value if all(check(value) for check in self.checks) else None


@dataclass(frozen=True)
class RouteTemplate:
    """A parsed template; make one with `RouteTemplate.parse`."""

    text: str
    segments: tuple[_Segment, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template; raises `RouteError` naming it and what is wrong."""
        parts = _split(text.strip("/"))
        segments = tuple(_segment(part, text) for part in parts)
        for segment in segments[:-1]:
            if segment.catch_all or segment.optional:
                raise RouteError(f"route {text!r}: only the last segment may be optional or {{*}}")
        names = [s.name.lower() for s in segments if s.name]
        if len(names) != len(set(names)):
            raise RouteError(f"route {text!r} names a parameter twice")
        return cls(text, segments)

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sorts templates so that the more specific one is tried first."""
        return tuple(segment.rank for segment in self.segments)

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters of a decoded path, or None when it does not fit."""
        texts = [text for text in path.strip("/").split("/") if text]
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            rest = texts[index:]
            if segment.catch_all:
                texts = texts[:index]
                found = segment.match("/".join(rest)) if rest else ""
            elif rest:
                found = segment.match(rest[0])
            elif segment.optional or segment.default is not None:
                found = segment.default
                if found is None:
                    continue
            else:
                return None
            if found is None:
                return None
            if segment.name is not None and found:
                values[segment.name] = found
        fits = len(texts) <= len(self.segments)
        return values if fits else None


def _split(text: str) -> Sequence[str]:
    """Split at the slashes that are not inside a parameter (a regex may hold some)."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "/" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    if depth:
        raise RouteError(f"route {text!r} has unbalanced braces")
    return [part for part in [*parts, current] if part]


def _segment(part: str, template: str) -> _Segment:
    start, end = part.find("{"), part.rfind("}")
    if start < 0:
        return _Segment(part)
    match = _PARAMETER.fullmatch(part[start + 1 : end])
    if not match:
        raise RouteError(f"route {template!r}: segment {part!r} cannot be read")
    return _Segment(
        prefix=part[:start],
        name=match["name"],
        suffix=part[end + 1 :],
        checks=tuple(constraint(text) for text in _CONSTRAINT.findall(match["constraints"])),
        catch_all=bool(match["stars"]),
        optional=bool(match["optional"]),
        default=match["default"],
    )
