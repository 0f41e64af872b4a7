"""Rows of bytes that begin with the id of a user: many of them in little memory, found fast."""

from array import array
from collections.abc import Iterator


class SortedRows:
    """Rows of the same width in the order of their keys, with which they begin; 256 KB beside them at most.

    key, width: bytes of a row's key, and of a row. seen: a byte per row, 0 until somebody sets it.
    """

    def __init__(self, key: int, width: int) -> None:
        self._key, self._width = key, width
        self._rows = bytearray()
        self.seen = bytearray()
        self._last = b""
        self._starts = array("I")
        """By the first two bytes of keys: how many rows are before."""

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, at: int) -> bytes:
        return bytes(self._rows[at * self._width : (at + 1) * self._width])

    def add(self, row: bytes) -> bool:
        """Add a row; False: it has another width, or its key is not behind the last one: it is left out."""
        key = row[: self._key]
        if len(row) != self._width or key <= self._last:
            return False
        if (new := _prefix(row) + 1 - len(self._starts)) > 0:
            self._starts.extend([len(self)] * new)
        self._rows += row
        self.seen.append(False)
        self._last = key
        return True

    def find(self, key: bytes) -> int | None:
        """Return the place of the row with this key, or None."""
        prefix = _prefix(key)
        low, high = self._start(prefix), self._start(prefix + 1)
        rows, width, length = self._rows, self._width, self._key
        # By hand: bisect would call a function for each comparison, in three times the time.
        while low < high:
            middle = (low + high) // 2
            found = rows[middle * width : middle * width + length]
            if found == key:
                return middle
            if found < key:
                low = middle + 1
            else:
                high = middle
        return None

    def unseen(self) -> Iterator[bytes]:
        """Yield the rows that are not seen."""
        at = self.seen.find(False)
        while at >= 0:
            yield self[at]
            at = self.seen.find(False, at + 1)

    def _start(self, prefix: int) -> int:
        return self._starts[prefix] if prefix < len(self._starts) else len(self)


def _prefix(key: bytes) -> int:
    return int.from_bytes(key[:2])
