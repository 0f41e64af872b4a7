"""The event loop of the real Python worker: uvloop, which there is for every system but Windows."""

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a new uvloop loop; one of asyncio where uvloop cannot be installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
