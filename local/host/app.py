"""The host as an ASGI app."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.host.host import Host


def create_app(host: Host) -> Starlette:
    """Serve a loaded host; the ASGI lifespan starts its listeners and drains them.

    After the shutdown `app.state.drained` says whether everything had finished in time.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await host.start()
        try:
            yield
        finally:
            app.state.drained = await host.drain()

    async def webhook(request: Request) -> Response:
        if request.path_params["extension"].lower() != "eventgrid":
            return Response(status_code=404)
        return await host.event_grid.answer(request)

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/admin/host/status", host.admin.status),
            Route("/admin/functions/{name}", host.admin.run, methods=["POST"]),
            Route("/runtime/webhooks/{extension}", webhook, methods=["POST", "OPTIONS"]),
            Route("/{path:path}", host.http),
        ],
    )
