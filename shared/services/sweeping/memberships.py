"""Memberships of the groups in the settings: read once per survey."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from shared.errors import SettingsError
from shared.services.ports import Groups, Wait
from shared.text import packed


class Memberships:
    """Group memberships of users; 16 bytes per member and group."""

    def __init__(self) -> None:
        self._members: dict[str, set[bytes]] = {}
        self.faults: list[str] = []
        """What is wrong with groups that could be left out."""

    def add(self, group: str, users: Sequence[str]) -> None:
        """Add `users` to `group`."""
        self._members.setdefault(group, set()).update(packed(user) for user in users)

    def of(self, user: str) -> frozenset[str]:
        """Return the user's groups, among those that were read."""
        if not self._members:
            return frozenset()
        key = packed(user)
        return frozenset(group for group, members in self._members.items() if key in members)


async def read_memberships(
    directory: Groups,
    groups: Sequence[str],
    between: Callable[[], Awaitable[None]] | None = None,
    needed: Collection[str] = (),
    wait: Wait | None = None,
) -> Memberships:
    """Return the memberships of `groups`; `between` is called per page.

    needed: the groups without which nobody may be changed; SettingsError: one of them does not exist.
    Any other that does not exist has no members, and is named in `faults`.
    """
    found = Memberships()
    for group in groups:
        try:
            async for users in directory.members(group, wait):
                found.add(group, users)
                if between:
                    await between()
        except SettingsError as error:
            if group in needed:
                raise
            found.faults.append(str(error))
    return found
