"""Rows of bytes that begin with the id of a user: a file of them with little memory, each found fast."""

import weakref
from array import array
from io import BytesIO
from typing import IO, Final

_BLOCK: Final = 65_536
"""Bytes that are written at once."""
_NEAR: Final = 64
"""Rows that are read at once: ids are random, so few begin with the same two bytes."""


class SortedRows:
    """Rows of the same width in the order of their keys, with which they begin; 256 KB of memory at most.

    key, width: bytes of a row's key, and of a row. file: where they are kept; it is closed with the last
    reference to the rows. Without it they are kept in memory.
    """

    def __init__(self, key: int, width: int, file: IO[bytes] | None = None) -> None:
        self._key, self._width = key, width
        self._file = file or BytesIO()
        self._new = bytearray()
        """Rows that are not yet in the file."""
        self._count = 0
        self._last = b""
        self._starts = array("I")
        """By the first two bytes of keys: how many rows are before."""
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: int) -> bytes:
        return self._read(at, 1)

    def add(self, row: bytes) -> bool:
        """Add a row; False: it has another width, or its key is not behind the last one: it is left out."""
        key = row[: self._key]
        if len(row) != self._width or key <= self._last:
            return False
        if (new := _prefix(row) + 1 - len(self._starts)) > 0:
            self._starts.extend([self._count] * new)
        self._new += row
        self._last = key
        self._count += 1
        if len(self._new) >= _BLOCK:
            self._write()
        return True

    def find(self, key: bytes) -> tuple[int, bytes] | None:
        """Return the row with this key and its place, or None."""
        prefix, width = _prefix(key), self._width
        low, high = self._start(prefix), self._start(prefix + 1)
        while high - low > _NEAR:
            middle = (low + high) // 2
            low, high = (low, middle) if key < self[middle][: self._key] else (middle, high)
        rows = self._read(low, high - low)
        at = rows.find(key)
        while at % width and at > 0:  # what looks like the key may be within a row
            at = rows.find(key, at + 1)
        return None if at < 0 else (low + at // width, rows[at : at + width])

    def _read(self, at: int, count: int) -> bytes:
        if self._new:
            self._write()
        self._file.seek(at * self._width)
        return self._file.read(count * self._width)

    def _write(self) -> None:
        self._file.seek(0, 2)
        while self._new:  # a file without a buffer may take less
            del self._new[: self._file.write(self._new)]

    def _start(self, prefix: int) -> int:
        return self._starts[prefix] if prefix < len(self._starts) else self._count


def _prefix(key: bytes) -> int:
    return int.from_bytes(key[:2])
