"""Ids of many users in little memory."""

from collections.abc import Iterable
from typing import IO, Final

from shared.sorted_rows import SortedRows
from shared.text import packed

_ID: Final = 16
"""Bytes of a user's id."""


class UserIds:
    """Ids of users, and who of them was seen: first all are added, then they are asked for.

    16 bytes per user, in 256 parts, of which one is sorted at a time; then they are in the file, and a
    byte per user is left. A set of ids takes some 70, and a copy without those who were seen as much again.
    file: None: in memory.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._parts = [bytearray() for _ in range(256)]
        self._rows = SortedRows(_ID, _ID, file)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, users: Iterable[str]) -> None:
        """Add users in any order; one who is added twice is one user."""
        for user in users:
            key = packed(user)
            self._parts[key[0]] += key

    def complete(self) -> None:
        """Sort the users: all are added."""
        for part in self._parts:
            for key in sorted(part[at : at + _ID] for at in range(0, len(part), _ID)):
                self._rows.add(bytes(key))
            part.clear()

    def mark(self, user_id: str) -> bool:
        """Mark a user as seen; return whether the user is among them."""
        found = self._rows.find(packed(user_id))
        if found is None:
            return False
        self._rows.seen[found[0]] = True
        return True

    def unmark(self) -> None:
        """Mark nobody any more."""
        self._rows.seen[:] = bytes(len(self))

    def unseen(self) -> set[bytes]:
        """Return the users (16 bytes of their ids) who were not seen."""
        return set(self._rows.unseen())
