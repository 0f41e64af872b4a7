"""The ASGI application: HTTP in, a Call out, an Answer back. Run it with uvicorn."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.tenant.clock import Clock
from local.tenant.control import ControlApi
from local.tenant.control_state import stream_state
from local.tenant.exchange import Answer, Call, read_query
from local.tenant.graph_api import GraphApi
from local.tenant.identity import IdentityApi
from local.tenant.notifier import Notifier
from local.tenant.options import TenantOptions
from local.tenant.teams_api import TeamsApi
from local.tenant.tenant import Tenant
from local.tenant.tokens import Tokens

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_GRAPH_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8"
_JSON = "application/json; charset=utf-8"

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(options: TenantOptions | None = None, clock: Clock | None = None) -> Starlette:
    """The tenant as an ASGI application. Its lifespan must run: notifications need it.

    `clock` is for tests that hold the time in their own hands.
    """
    tenant = Tenant(options or TenantOptions(), clock)
    tokens = Tokens(tenant.id, tenant.app_id, tenant.options.token_lifetime_seconds)
    notifier = Notifier(tenant)
    graph = GraphApi(tenant, tokens, notifier)
    teams = TeamsApi(tenant, tokens)
    identity = IdentityApi(tokens, tenant.options.identity_header)
    control = ControlApi(tenant, tokens, notifier, graph.delta)

    async def serve_graph(request: Request) -> Response:
        return _response(await graph.answer(await _call(request, "/v1.0", odata=True)), _GRAPH_JSON)

    async def serve_teams(request: Request) -> Response:
        return _response(await teams.answer(await _call(request)), _JSON)

    async def serve_identity(request: Request) -> Response:
        return _response(identity.answer(await _call(request)), _JSON)

    async def serve_state(request: Request) -> Response:
        summary = control.summary()
        if request.query_params.get("summary", "").lower() == "true":
            return JSONResponse(summary)
        return StreamingResponse(stream_state(tenant), media_type="application/json")

    async def serve_control(request: Request) -> Response:
        return _response(control.answer(await _call(request, "/_tenant")), _JSON)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        notifier.start()
        try:
            yield
        finally:
            await notifier.stop()

    app = Starlette(
        routes=[
            Route("/v1.0/{rest:path}", serve_graph, methods=_METHODS),
            Route("/msi/token", serve_identity, methods=_METHODS),
            Route("/_tenant/state", serve_state, methods=["GET"]),
            Route("/_tenant/{rest:path}", serve_control, methods=_METHODS),
            Route("/{rest:path}", serve_teams, methods=_METHODS),
        ],
        lifespan=lifespan,
    )
    app.state.tenant = tenant
    app.state.notifier = notifier
    return app


async def _call(request: Request, prefix: str = "", *, odata: bool = False) -> Call:
    return Call(
        method=request.method,
        path=request.url.path.removeprefix(prefix) if not prefix else _below(request, prefix),
        query=read_query(request.url.query, odata=odata),
        headers=dict(request.headers),
        body=await request.body(),
        base=f"{request.url.scheme}://{request.url.netloc}",
    )


def _below(request: Request, prefix: str) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(prefix)


def _response(answer: Answer, media_type: str) -> Response:
    headers = dict(answer.headers)
    if answer.text is not None:
        return Response(answer.text, answer.status, headers, "text/plain; charset=utf-8")
    if answer.body is None:
        return Response(None, answer.status, headers)
    content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, answer.status, headers, media_type)
