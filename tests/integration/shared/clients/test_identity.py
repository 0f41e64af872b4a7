"""The managed identity against a hostile endpoint: real msal, real HTTP."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import pytest
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

from shared.clients.identity import Identity, TimedSession
from shared.errors import ServiceError, UnreachableError
from tests.integration.shared.clients.hostile import Asked, Hostile, Raw, always, served

ODD = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"<html>",
    b'{"access_token": null, "expires_on": 1}',
    b'{"access_token": "x", "expires_on": "soon"}',
    b'{"access_token": "x", "expires_on": ' + b"9" * 4_301 + b"}",
    b'{"access_token": "x", "expires_on": null}',
    b'{"access_token": "x", "expires_on": 1e999}',
    b'{"access_token": {}, "expires_on": "99999999999"}',
    b'{"access_token": "a b", "expires_on": "99999999999"}',
    b"[" * 100_000,
    b'{"error": {"a": 1}}',
)


@asynccontextmanager
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Hostile, Identity]]:
    """A hostile endpoint, and the identity of a function app that asks it."""
    async with served() as hostile:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{hostile.origin}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        with closing(Identity(None, timeout=5)) as tokens:
            yield hostile, tokens


def token(life: float) -> Callable[[Asked], Raw]:
    """Answer with a token."""
    until = str(int(time.time() + life))
    return always(Raw(json.dumps({"access_token": "good", "expires_on": until}).encode()))


@pytest.mark.parametrize("headers", [(), (("Retry-After", "3600"),)])
@pytest.mark.parametrize("body", ODD)
async def test_an_odd_answer_is_a_named_error(
    body: bytes, headers: tuple[tuple[str, str], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the endpoint answers instead of a token, msal's own exceptions reach nobody."""
    async with world(monkeypatch) as (hostile, tokens):
        hostile.answer = always(Raw(body, headers=headers))
        with pytest.raises(ServiceError):
            await tokens.token("graph")


async def test_what_cannot_be_read_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the endpoint said to come again in an hour: the next call asks, and gets a token."""
    async with world(monkeypatch) as (hostile, tokens):
        body = b'{"access_token": {}, "expires_on": "99999999999"}'
        hostile.answer = always(Raw(body, headers=(("Retry-After", "3600"),)))
        with pytest.raises(ServiceError):
            await asyncio.to_thread(tokens.acquire, "graph")
        hostile.answer = token(3_600)
        assert (await asyncio.to_thread(tokens.acquire, "graph")).token == "good"


async def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed answer of 30 MB is not read beyond one."""
    bomb = gzip.compress(b" " * 30_000_000)
    async with world(monkeypatch) as (hostile, tokens):
        hostile.answer = always(Raw(bomb, headers=(("Content-Encoding", "gzip"),)))
        with pytest.raises(UnreachableError):
            await tokens.token("graph")


@pytest.mark.parametrize(
    "text", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "nan", "-1", "soon"]
)
def test_no_thread_sleeps_for_long(text: str) -> None:
    """`Retry-After` of the identity endpoint: half a minute at most, whatever stands there."""
    adapter = TimedSession(1).get_adapter("http://localhost")
    assert isinstance(adapter, HTTPAdapter)
    wait = adapter.max_retries.get_retry_after(HTTPResponse(headers={"Retry-After": text}))
    assert wait is None or 0 <= wait <= 30
