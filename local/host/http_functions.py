"""HTTP triggers: the ASGI app behind every path that is not the host's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.host.app_settings import resolve
from local.host.data import http_data, http_response
from local.host.errors import AppError, RouteError
from local.host.functions import HTTP, Function
from local.host.invocations import Invocations
from local.host.keys import Keys, Level
from local.host.route_templates import RouteTemplate

_OWN_PATHS = ("admin", "runtime")
_SIZE_LIMIT = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_DEFAULT_LIMIT = 104_857_600
"""Bytes of a request's body ("App settings reference for Azure Functions")."""


@dataclass(frozen=True)
class _Route:
    template: RouteTemplate
    methods: frozenset[str]
    level: Level
    function: Function


class HttpFunctions:
    """Finds the function for a request, checks its key, runs it and answers.

    No matching route or method: 404 (a method is a route constraint in the real host); wrong
    key: 401; a body that is too large: 413; a failed function: 500 without a body. Raises `AppError`
    for an unusable trigger.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        invocations: Invocations,
        *,
        prefix: str,
        keys: Keys,
        environment: Mapping[str, str],
    ) -> None:
        self._invocations = invocations
        self._keys = keys
        routes = [_route(f, prefix, environment) for f in functions if f.trigger.type == HTTP]
        self._largest = int(environment.get(_SIZE_LIMIT, _DEFAULT_LIMIT))
        self._routes = sorted(routes, key=lambda route: route.template.precedence)

    def route_of(self, function: Function) -> str:
        """The path of a function with the host's prefix, for people."""
        return next(f"/{r.template.text}" for r in self._routes if r.function is function)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI)."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        for route in self._routes:
            if route.methods and request.method not in route.methods:
                continue
            parameters = route.template.match(request.scope["path"])
            if parameters is not None:
                break
        else:
            return Response(status_code=404)
        if not self._keys.allow(route.level, presented_key(request)):
            return Response(status_code=401)
        body = await _read(request, self._largest)
        if body is None:
            return Response(status_code=413)
        data = http_data(
            method=request.method,
            url=str(request.url),
            headers=request.headers,
            query=request.query_params,
            route=parameters,
            body=body,
        )
        result = await self._invocations.run(route.function, data)
        return http_response(result.value) if result.ok else Response(status_code=500)


async def _read(request: Request, largest: int) -> bytes | None:
    """The body, or None when it is larger than the host takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            return None
    return bytes(body)


def presented_key(request: Request) -> str | None:
    """The key a caller presents, in the header `x-functions-key` or as `?code=`."""
    return request.headers.get("x-functions-key") or request.query_params.get("code")


def _route(function: Function, prefix: str, environment: Mapping[str, str]) -> _Route:
    trigger = function.trigger
    where = f"the route of function {function.name!r}"
    own = resolve(trigger.text("route"), environment, where) or function.name
    try:
        template = RouteTemplate.parse(f"{prefix}/{own.strip('/')}".strip("/"))
        level = Level((trigger.text("authLevel") or Level.FUNCTION).lower())
    except (RouteError, ValueError) as error:
        raise AppError(f"function {function.name!r}: {error}") from error
    if template.text.split("/")[0].lower() in _OWN_PATHS:
        raise AppError(f"function {function.name!r}: /admin and /runtime are the host's own paths")
    methods = trigger.settings.get("methods") or []
    return _Route(template, frozenset(m.upper() for m in methods), level, function)
