"""Rows of bytes that begin with the id of a user: many of them in little memory or none, found fast."""

import weakref
from array import array
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Final

_BLOCK: Final = 65_536
"""Bytes that are written at once."""
_NEAR: Final = 64
"""Rows that are read at once: ids are random, so few begin with the same two bytes."""


class SortedRows:
    """Rows of the same width in the order of their keys, with which they begin.

    key, width: bytes of a row's key, and of a row. file: where they are kept; it is closed with the last
    reference to the rows. Without it, or when it takes no more, they are kept in memory. Beside them are
    256 KB at most, and `seen`: a byte per row, 0 until somebody sets it.
    """

    def __init__(self, key: int, width: int, file: IO[bytes] | None = None) -> None:
        self._key, self._width = key, width
        self._file = file or BytesIO()
        self._new = bytearray()
        """Rows that are not yet in the file."""
        self.seen = bytearray()
        self._last = b""
        self._starts = array("I")
        """By the first two bytes of keys: how many rows are before."""
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, at: int) -> bytes:
        return self._read(at, 1)

    def add(self, row: bytes) -> bool:
        """Add a row; False: it has another width, or its key is not behind the last one: it is left out."""
        key = row[: self._key]
        if len(row) != self._width or key <= self._last:
            return False
        if (new := _prefix(row) + 1 - len(self._starts)) > 0:
            self._starts.extend([len(self)] * new)
        self._new += row
        self._last = key
        self.seen.append(False)
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

    def unseen(self) -> Iterator[bytes]:
        """Yield the rows that are not seen."""
        at = self.seen.find(False)
        while at >= 0:
            yield self[at]
            at = self.seen.find(False, at + 1)

    def _read(self, at: int, count: int) -> bytes:
        if self._new:
            self._write()
        self._file.seek(at * self._width)
        return self._file.read(count * self._width)

    def _write(self) -> None:
        try:
            self._file.seek(0, 2)
            while self._new:  # a file without a buffer may take less
                del self._new[: self._file.write(self._new)]
        except OSError:  # the disk is full
            self._file.seek(0)
            full, self._file = self._file, BytesIO(self._file.read())
            full.close()
            self._write()

    def _start(self, prefix: int) -> int:
        return self._starts[prefix] if prefix < len(self._starts) else len(self)


def _prefix(key: bytes) -> int:
    return int.from_bytes(key[:2])
