"""The ASGI application: HTTP in, a Call out, an Answer back. Run it with uvicorn."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.tenant.clock import Clock
from local.tenant.control.api import ControlApi
from local.tenant.control.state import stream_state
from local.tenant.exchange import Answer, Call, read_query
from local.tenant.faults.connection import ConnectionFaults, TenantApp
from local.tenant.faults.faults import ServiceName
from local.tenant.graph.api import GraphApi
from local.tenant.identity.managed_identity import IdentityApi
from local.tenant.identity.sign_in import SignInApi
from local.tenant.identity.tokens import Tokens
from local.tenant.notifications.notifier import Notifier
from local.tenant.options import TenantOptions
from local.tenant.teams.api import TeamsApi
from local.tenant.tenant import Tenant

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_GRAPH_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8"
_JSON = "application/json; charset=utf-8"


def create_app(options: TenantOptions | None = None, clock: Clock | None = None) -> Starlette:
    """The tenant as an ASGI application. Its lifespan must run: notifications need it.

    `clock` is for tests that control the time.
    """
    tenant = Tenant(options or TenantOptions(), clock)
    tokens = Tokens(tenant.id, tenant.app_id, tenant.options.token_lifetime_seconds)
    notifier = Notifier(tenant)
    graph = GraphApi(tenant, tokens, notifier)
    teams = TeamsApi(tenant, tokens)
    identity = IdentityApi(
        tokens,
        tenant.options.identity_header,
        tenant.dice,
        tenant.principals.identity_claims,
    )
    sign_in = SignInApi(
        tenant.id, tenant.account_id, tokens, tenant.principals.administrator.claims
    )
    connection = ConnectionFaults(tenant.dice)
    control = ControlApi(tenant, tokens, notifier, graph.delta)

    async def suffer(service: ServiceName, answer: Callable[[], Awaitable[Response]]) -> Response:
        lost, early = connection.lost(service)
        if lost is not None and early:
            return lost
        response = await answer()
        return lost or await connection.spoil(service, response)

    async def serve_graph(request: Request) -> Response:
        call = await _call(request, "/v1.0", odata=True)

        async def answer() -> Response:
            return _response(await graph.answer(call), _GRAPH_JSON)

        return await suffer("graph", answer)

    async def serve_teams(request: Request) -> Response:
        call = await _call(request)

        async def answer() -> Response:
            return _response(await teams.answer(call), _JSON)

        return await suffer("teams", answer)

    async def serve_identity(request: Request) -> Response:
        call = await _call(request)

        async def answer() -> Response:
            return _response(identity.answer(call), _JSON)

        return await suffer("identity", answer)

    async def serve_sign_in(request: Request) -> Response:
        return _response(sign_in.answer(await _call(request)), _JSON)

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

    app = TenantApp(
        routes=[
            Route("/v1.0/{rest:path}", serve_graph, methods=_METHODS),
            Route("/msi/token", serve_identity, methods=_METHODS),
            Route(
                "/{tenant}/v2.0/.well-known/openid-configuration", serve_sign_in, methods=["GET"]
            ),
            Route("/{tenant}/oauth2/v2.0/{rest:path}", serve_sign_in, methods=["POST"]),
            Route("/_signin/{rest:path}", serve_sign_in, methods=["POST"]),
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
        path=str(request.scope["path"]).removeprefix(prefix),
        query=read_query(request.url.query, odata=odata),
        headers=dict(request.headers),
        body=await request.body(),
        base=f"{request.url.scheme}://{request.url.netloc}",
    )


def _response(answer: Answer, media_type: str) -> Response:
    headers = dict(answer.headers)
    if answer.text is not None:
        return Response(answer.text, answer.status, headers, "text/plain; charset=utf-8")
    if answer.body is None:
        return Response(None, answer.status, headers)
    content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, answer.status, headers, media_type)
