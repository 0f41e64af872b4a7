"""Places in the listing of all Teams users: how it goes on, and when its end is believed.

Microsoft does not document it. Its module sends a page's `nextlink` back as `skiptoken`, so what the
service names may be an address or a bare token. A listing that ends on a full page is not believed: it
may have been cut off. It is read again with another page size, one that does not divide the users
counted; if that ends on a full page, too, the listing is an error.
"""

from dataclasses import asdict, dataclass, replace
from typing import Final, Self

import httpx

from shared.clients.http import own_link
from shared.clients.values import number

_LARGEST: Final = 1_000
_MOST: Final = 1e9
_SHRUNK: Final = 0.9


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the listing. It travels in the fragment of a link, which is never sent.

    size: users per page that are asked for. full: the largest page that had a next one. listed: users
    so far. before: users of the listing that was not believed; 0: this is the first one.
    """

    size: int
    full: int = 0
    listed: int = 0
    before: int = 0

    @classmethod
    def of(cls, link: str, size: int) -> Self:
        """Return the place in a link's fragment; without one (an older version's), the beginning."""
        given = dict(httpx.QueryParams(link.partition("#")[2]))
        known = {name: number(given.get(name), _MOST) for name in ("full", "listed", "before")}
        asked = number(given.get("size"), _LARGEST, 1) or size
        return cls(int(asked), **{name: int(value or 0) for name, value in known.items()})

    def on(self, link: str) -> str:
        """Return a link with this place in it."""
        return f"{link}#{httpx.QueryParams(asdict(self))}"

    def after(self, users: int) -> Self:
        """Return the place after a page of so many users that has a next one."""
        return replace(self, full=max(self.full, users), listed=self.listed + users)

    @property
    def _full(self) -> int:
        """How many users a page has that is full: the service may permit less than was asked for."""
        return min(self.full or self.size, self.size)

    def is_cut_off(self, users: int) -> bool:
        """Return whether a last page of so many users may have had a next one."""
        return users >= self._full

    def has_shrunk(self, users: int) -> bool:
        """Return whether a second listing, with so many users on its last page, misses some."""
        return self.listed + users < _SHRUNK * self.before

    def again(self, users: int) -> Self:
        """Return the beginning of the second listing, after a last page of so many users."""
        listed = self.listed + users
        sizes = (*range(self._full - 1, 1, -1), *range(self._full + 1, _LARGEST + 1))
        return type(self)(next(size for size in sizes if listed % size), before=listed)


def continuation(first: httpx.URL, given: str) -> str | None:
    """Return the link that a service means by an address or a bare token; None: to another host.

    first: the address of the first page, whose parameters go along with a token.
    """
    if given.startswith(f"{first.path}?"):
        given = str(first.join(given))
    if not _is_address(given):
        return str(first.copy_merge_params({"skiptoken": given}))
    own = own_link(first, given)
    return None if own is None else str(own.copy_with(fragment=None))


def _is_address(text: str) -> bool:
    scheme, found, rest = text.partition("://")
    return bool(found and rest and scheme.isalpha()) or text.startswith("//")
