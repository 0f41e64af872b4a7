"""A proxy between the app and a real service, so that a test can hold the line: refuse, wait, kill."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

_NOT_FORWARDED = (
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
)


@dataclass(frozen=True)
class Request:
    """A request on its way to the service; `target` is the path with its query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer on its way back."""

    status: int
    headers: dict[str, str]
    body: bytes


BUSY = Reply(
    503,
    {"Content-Type": "application/json"},
    b'{"odata.error": {"code": "ServerBusy", "message": {"value": "busy"}}}',
)
"""What Azure Tables answers when a partition is too busy."""

Forward = Callable[[Request], Reply]
Rule = Callable[[Request, Forward], Reply]


def let_through(request: Request, forward: Forward) -> Reply:
    """The rule of a proxy that only passes on."""
    return forward(request)


class Proxy:
    """Passes requests on to `service` as `rule` says, each in a thread. Context manager."""

    def __init__(self, service: str, rule: Rule = let_through) -> None:
        self.rule = rule
        self._http = httpx.Client(base_url=service, timeout=30, trust_env=False)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def origin(self) -> str:
        """The proxy's address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._http.close()

    def _forward(self, request: Request) -> Reply:
        answer = self._http.request(
            request.method, request.target, headers=request.headers, content=request.body
        )
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                sent = {n: v for n, v in headers.items() if n not in _NOT_FORWARDED}
                # Azurite compresses nothing, and a body must come back as it was.
                sent["accept-encoding"] = "identity"
                request = Request(self.command, self.path, sent, body)
                reply = proxy.rule(request, proxy._forward)
                self.send_response_only(reply.status)
                for name, value in reply.headers.items():
                    if name.lower() not in _NOT_FORWARDED:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            do_GET = do_POST = do_PUT = do_PATCH = do_MERGE = do_DELETE = _pass_on  # noqa: N815

        return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that was killed does not take its answer: that is what some tests are about."""
