"""Read the body of an answer, but never more than a limit of it, however small it was when compressed."""

import zlib
from collections.abc import Iterable
from typing import Any, Final

import httpx

ACCEPTED: Final = {"Accept-Encoding": "gzip"}
"""Header that asks for the one compression that is read here."""

MOST: Final = 16 * 1024 * 1024
"""Bytes of an answer that are read: a full page of users has about a tenth of it."""

MOST_OF_AN_ERROR: Final = 64 * 1024
"""Bytes of an error's answer that are read; what follows says nothing about the code."""


class LongBodyError(Exception):
    """The body has more than the permitted bytes."""


async def read(answer: httpx.Response) -> bytes:
    """Return the body of a streamed answer, that of an error only up to a length.

    LongBodyError: it is too long. httpx.DecodingError: its compression is unknown or broken.
    """
    body = _Body(answer)
    if answer.is_stream_consumed:  # by a transport in memory
        return body.of([answer.content])
    async for chunk in answer.aiter_raw():
        if body.add(chunk):
            break
    return body.end()


def read_sync(answer: httpx.Response) -> bytes:
    """Do the same as `read` with an answer of a client that blocks."""
    body = _Body(answer)
    return body.of([answer.content] if answer.is_stream_consumed else answer.iter_raw())


class _Body:
    """What was read so far."""

    def __init__(self, answer: httpx.Response) -> None:
        self._cut = not answer.is_success
        self._most = MOST_OF_AN_ERROR if self._cut else MOST
        self._parts: list[bytes] = []
        self._size = 0
        self._zip: Any = None
        encoding = answer.headers.get("Content-Encoding", "").strip().casefold()
        if answer.is_stream_consumed or encoding in ("", "identity"):
            return
        if encoding not in ("gzip", "x-gzip"):
            raise httpx.DecodingError("the answer is compressed in a way that was not asked for")
        self._zip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    def of(self, chunks: Iterable[bytes]) -> bytes:
        """Return the body in these chunks."""
        for chunk in chunks:
            if self.add(chunk):
                break
        return self.end()

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; return whether no more is wanted."""
        room = self._most - self._size
        if self._zip:
            try:
                chunk = self._zip.decompress(chunk, room + 1)
            except zlib.error:
                raise httpx.DecodingError("the answer's compression is broken") from None
        self._parts.append(chunk[:room])
        self._size += len(chunk)
        if self._size > self._most and not self._cut:
            raise LongBodyError
        return self._size > self._most

    def end(self) -> bytes:
        """Return what was read."""
        if self._zip and not self._zip.eof and self._size <= self._most:
            raise httpx.DecodingError("the answer's compression is broken")
        return b"".join(self._parts)
