"""One call and its answer, apart from HTTP, so that a call inside a batch is a call like any other."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from local.tenant.errors import ApiError
from local.tenant.identity.rights import Caller

# Graph takes its own query options with and without the dollar sign.
_OPTIONS = frozenset(
    {"count", "deltatoken", "expand", "filter", "format", "orderby"}
    | {"search", "select", "skip", "skiptoken", "top"}
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `path` is decoded, without the service's prefix; header names are lower case.

    `base` is scheme and host as the client sees them: links in answers start with it. `caller` is
    whom the token names, where a service checks that.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    params: Mapping[str, str] = field(default_factory=dict)
    caller: Caller | None = None

    def json(self) -> object:
        """The body as JSON. Raises ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: JSON unless `text` is given, no body when both are None."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


def read_names(
    text: str, known: Mapping[str, str], unknown: Callable[[str], ApiError]
) -> tuple[str, ...]:
    """The names in a text, each once, as the service spells them. known: these by their lower case.

    unknown: makes the error that is raised for a name that there is not.
    """
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if part.lower() not in known:
            raise unknown(part)
    return tuple(dict.fromkeys(known[part.lower()] for part in parts))


def read_query(text: str, *, odata: bool = False) -> dict[str, str]:
    """A query string as a dictionary; with `odata`, `top` is the same as `$top`.

    A name that comes twice keeps its last value.
    """
    pairs = parse_qsl(text, keep_blank_values=True)
    if not odata:
        return dict(pairs)
    return {_option(name): value for name, value in pairs}


def _option(name: str) -> str:
    bare = name.removeprefix("$").lower()
    return f"${bare}" if bare in _OPTIONS else name


Handler = Callable[[Call], Awaitable[Answer] | Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One address with a method. `units` is what a call costs in Graph's resource units."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    handler: Handler
    units: int = 1
    write: bool = False


class Routes:
    """The addresses of one service, matched in the order in which they were added."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        operation: str,
        handler: Handler,
        units: int = 1,
        *,
        reads: bool = False,
    ) -> None:
        """Add an address; `{name}` in `path` stands for one segment, handed on in `params`.

        reads: the call changes nothing, whatever its method.
        """
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)) + "/?")
        write = method in {"POST", "PUT", "PATCH", "DELETE"} and not reads
        self._routes.append(Route(method, pattern, operation, handler, units, write))

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], set[str]]:
        """The route and its parameters; without one, the methods that the address does have."""
        allowed: set[str] = set()
        for route in self._routes:
            match = route.pattern.fullmatch(path)
            if match and route.method == method:
                return route, match.groupdict(), allowed
            if match:
                allowed.add(route.method)
        return None, {}, allowed
