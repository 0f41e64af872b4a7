"""A transport that can only read: whatever else is asked of it is not sent."""

import json
import re
from typing import Final

import httpx

from shared.clients import wire

_BATCH: Final = wire.BATCH.template
_CHECK: Final = re.compile(
    re.escape(wire.CHECK_GROUPS.template.removeprefix("/v1.0")).replace(r"\{id\}", "[^/?]+")
)


class WriteRefusedError(Exception):
    """A request that could change something; it was not sent."""


class ReadOnlyTransport(httpx.AsyncBaseTransport):
    """Sends GET, and batches of requests that read; WriteRefusedError for everything else."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request that reads."""
        if not _reads(request):
            raise WriteRefusedError(f"{request.method} is not sent: a probe only reads")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _reads(request: httpx.Request) -> bool:
    if request.method == "GET":
        return True
    if request.method != "POST" or request.url.path != _BATCH:
        return False
    try:
        inner = json.loads(request.content)["requests"]
        return all(_reads_inside(each["method"], each["url"]) for each in inner)
    except (ValueError, TypeError, KeyError):
        return False


def _reads_inside(method: str, url: str) -> bool:
    return method == "GET" or (method == "POST" and _CHECK.fullmatch(url) is not None)
