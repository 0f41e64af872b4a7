"""Requests to the storage end, whatever the storage does."""

import asyncio
from pathlib import Path
from urllib.request import getproxies_environment

import aiohttp
import pytest
from azure.core.exceptions import ServiceResponseTimeoutError
from azure.core.rest import HttpRequest

from shared.storage.transport import BoundedTransport


async def test_a_request_ends_that_waits_for_a_connection_or_for_an_answer() -> None:
    """Neither limit of the SDK counts the wait for a connection: the only one is busy, and never free."""

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    address = "http://{}:{}/".format(*server.sockets[0].getsockname())
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
    async with server, BoundedTransport(0.1, session=session, read_timeout=30) as transport:
        requests = [transport.send(HttpRequest("GET", address)) for _ in range(2)]
        for ended in await asyncio.gather(*requests, return_exceptions=True):
            assert isinstance(ended, ServiceResponseTimeoutError)
            assert str(ended) == "no answer in 0.2 s"


async def test_an_answer_in_time_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the limit does not concern is as the SDK has it, but a password in a .netrc is not looked for."""
    (tmp_path / "netrc").write_text("default login ada password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in getproxies_environment():
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    asked = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = "http://{}:{}/".format(*server.sockets[0].getsockname())
    async with server, BoundedTransport(30) as transport:
        answered = await transport.send(HttpRequest("GET", address))
        assert (answered.status_code, answered.text()) == (200, "hi")
        assert b"Authorization" not in asked
