"""Faults of the connection: no answer, half an answer, a broken one, a late one.

ASGI has no word for breaking a connection, so the server's transport is used where there is one
(uvicorn's); without one, as in tests in the same process, ConnectionResetError is raised instead.
"""

import asyncio
import socket
import struct
from collections.abc import MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.tenant.faults.faults import Dice, ServiceName

_TRANSPORT = "tenant.transport"
_NO_LINGER = struct.pack("ii", 1, 0)


class TenantApp(Starlette):
    """Starlette that remembers the server's transport, which only the outermost `send` knows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's scope."""
        scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


class _Broken(Response):
    """Ends the connection without a complete answer."""

    async def _break(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        transport: asyncio.Transport | None = scope[_TRANSPORT]
        if transport is None:
            raise ConnectionResetError("an injected fault broke the connection")
        if reset:
            # Without lingering the peer gets a reset instead of an orderly end.
            connection = transport.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            transport.abort()
        else:
            transport.close()
        # The server must have noticed before this returns, or it would answer 500 itself.
        await _disconnect(receive)


class ConnectionReset(_Broken):
    """Resets the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Reset."""
        await self._break(scope, receive, reset=True)


class Silence(_Broken):
    """Does not answer until the client gives up, or for `seconds`; then resets."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Say nothing."""
        try:
            async with asyncio.timeout(self._seconds):
                await _disconnect(receive)
        except TimeoutError:
            await self._break(scope, receive, reset=True)


class Truncated(_Broken):
    """Announces the whole answer, sends half of it, and hangs up."""

    def __init__(self, whole: Response) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half."""
        body = bytes(self._whole.body)
        await send(
            {
                "type": "http.response.start",
                "status": self._whole.status_code,
                "headers": self._whole.raw_headers,
            }
        )
        half = {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        await send(half)
        await self._break(scope, receive, reset=False)


class ConnectionFaults:
    """Chooses the mishap of a call."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def lost(self, service: ServiceName) -> tuple[Response | None, bool]:
        """What comes instead of an answer, if anything, and whether the call is lost as well.

        Half of the resets and time-outs happen before the call takes effect, half after: a client
        cannot tell.
        """
        for kind in ("connection_resets", "timeouts"):
            if self._dice.strikes(kind, service):
                early = self._dice.stream(f"{kind}/moment").random() < 0.5  # noqa: PLR2004 - half
                seconds = self._dice.faults.timeout_seconds
                return (Silence(seconds) if kind == "timeouts" else ConnectionReset()), early
        return None, False

    async def spoil(self, service: ServiceName, response: Response) -> Response:
        """What becomes of an answer on its way. The call has taken effect."""
        if self._dice.strikes("slow_answers", service):
            await asyncio.sleep(self._dice.faults.slow_seconds)
        if response.body and self._dice.strikes("truncated_bodies", service):
            return Truncated(response)
        if response.body and self._dice.strikes("wrong_json", service):
            content = "<html><body>Our services aren't available right now</body></html>"
            return Response(content, response.status_code, media_type="application/json")
        return response


async def _disconnect(receive: Receive) -> None:
    while True:
        message: MutableMapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            return
