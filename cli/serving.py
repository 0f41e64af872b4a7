"""Serve an ASGI app until a stop is requested, with a `ready` line and a clean shutdown.

uvicorn alone raises SIGINT and SIGTERM again after its clean end, so that the process would not
exit with 0; and it signals shutdown to the app only when the last request has been answered.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from cli.errors import CommandError
from local.processes import exit_with_parent

HOST = "127.0.0.1"
"""Everything listens on loopback only."""

_INTERRUPTED = 130


def bind(port: int) -> socket.socket:
    """A socket bound to `port` on loopback; 0 takes a free port. `CommandError` if it is taken."""
    # Named as TCP, otherwise asyncio would not disable Nagle's algorithm: 40 ms on every answer.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # on Windows the option would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise CommandError(
            f"port {port} cannot be used ({error.strerror}): choose another with --port"
        ) from error
    return bound


def origin(bound: socket.socket) -> str:
    """The URL of a bound socket, such as `http://127.0.0.1:7071`."""
    return f"http://{HOST}:{bound.getsockname()[1]}"


def announce(address: str) -> None:
    """Print to standard output that requests are accepted now."""
    print(f"ready {address}", flush=True)


async def serve(
    app: ASGIApp, bound: socket.socket, *, on_stop: Callable[[], None] = lambda: None, drain: float
) -> None:
    """Serve `app` until SIGINT, SIGTERM or the end of the parent process.

    `on_stop` is called in the event loop as soon as a stop is requested. Requests under way get
    `drain` seconds. A second SIGINT ends the process at once. Raises `CommandError` when the
    app's lifespan does not start; it has been logged then.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(drain)),
    )
    server = _Server(config, origin(bound), on_stop)
    exit_with_parent(server.stop_from_thread)
    try:
        await server.serve(sockets=[bound])
    except SystemExit as error:  # uvicorn's way to say that the lifespan did not start
        raise CommandError("it could not be started, see above") from error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._address = address
        self._on_stop = on_stop
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then report it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)
        if self.started and not self.should_exit:
            announce(self._address)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM; unlike uvicorn, do not raise them again in the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Request a stop; at the second Ctrl-C, exit."""
        del frame
        if self.should_exit and sig == signal.SIGINT:
            print("interrupted again: ending at once", file=sys.stderr, flush=True)
            os._exit(_INTERRUPTED)
        self.stop_from_thread()

    def stop_from_thread(self) -> None:
        """Request a stop from a signal handler or another thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                self._loop.call_soon_threadsafe(self._on_stop)
