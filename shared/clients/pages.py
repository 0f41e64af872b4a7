"""Pages of a service's listings: where the next one is, and that a listing ends.

A listing ends with a page that names no next one. It cannot be trusted when its next page is where it
has been, or when pages keep coming that bring nothing new: then nobody may be changed on its word.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, FailFast, TypeAdapter, ValidationError, create_model

from shared.clients.values import Fault, elements, number, read_object
from shared.errors import ExpiredError, ListingError

_MOST_PAGES: Final = 100_000
_LONGEST_LINK: Final = 16_384
_MOST_EMPTY: Final = 500
"""Pages in a row without an element; Graph's delta query documents that there are such."""

_MOST_COUNT: Final = 1e9
_SLACK: Final = 1_000
"""Elements that may come beyond what was counted, and a tenth: the tenant changes meanwhile."""

_CONTINUATIONS: Final = frozenset(
    {
        *("nextlink", "odatanextlink", "nextpagelink", "nextpage", "nexturl", "next"),
        *("skiptoken", "nextskiptoken", "continuationtoken", "nextcontinuationtoken"),
        *("continuation", "continuationlink", "nexttoken", "nextpagetoken", "pagetoken"),
        *("pagingtoken", "marker", "nextmarker"),
    }
)
"""Names for where the next page is, small letters only."""


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A page of a listing.

    next: where the following page is, None at the end, as the service sent it: a `Trail` checks it.
    first: the id of its first element, if it has one. count: elements of the whole listing, if the
    service says. rest: the other fields of the page.
    """

    items: Sequence[T]
    next: object
    faults: Sequence[Fault] = ()
    first: str = ""
    count: float | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many elements it has, readable or not."""
        return len(self.items) + len(self.faults)


def page_reader[T](item: type[T], name: str = "value") -> Callable[[bytes], Page[T]]:
    """Return a reader of pages whose elements are in the field `name`.

    An element that cannot be read is a fault of its own. Raises ValidationError when there is no list.
    """
    # The first fault decides: the errors of millions of elements would be gathered otherwise.
    kind: Any = Annotated[list[item], FailFast()]  # type: ignore[valid-type]
    lax = ConfigDict(extra="allow", hide_input_in_errors=True)
    fields: dict[str, Any] = {name: (kind, ...)}
    whole: type[BaseModel] = create_model("Listing", __config__=lax, **fields)
    one = TypeAdapter(item).validate_python

    def read(body: bytes) -> Page[T]:
        try:
            page = whole.model_validate_json(body)
        except ValidationError:
            rest = read_object(body)
            if not isinstance(rest.get(name), list):
                raise
            items, faults = elements(rest.pop(name), one)
        else:
            items, faults, rest = getattr(page, name), [], page.model_extra or {}
        first = next((_id_of(each) for each in items), "")
        count = number(rest.get("@odata.count"), _MOST_COUNT)
        return Page(items, _continuation(rest), faults, first, count, rest)

    return read


class Trail:
    """The way through one listing: where it has been, and what it brought.

    resolve: turns where the service says that the next page is into a link that may be followed.
    repeats: how many pages may begin with the same element, because it moves while the listing is
    read, or because the service repeats changes.
    """

    def __init__(
        self,
        service: str,
        operation: str,
        resolve: Callable[[str], str],
        *,
        repeats: int = 3,
        most: int = _MOST_PAGES,
    ) -> None:
        self._service = service
        self._operation = operation
        self._resolve = resolve
        self._repeats = repeats
        self._most = most
        self._seen: set[int] = set()
        self._begun: Counter[int] = Counter()
        self._empty = 0
        self._listed = 0
        self._expected: float | None = None

    def next(self, page: Page[Any], here: str | None = None) -> str | None:
        """Return the link of the page after this one, None at the end; ListingError: do not trust it.

        here: the link of this page.
        """
        self._take(page)
        if page.next is None:
            return None
        if not _can_be_sent(page.next):
            raise self.error("the link to the next page is no text that can be sent")
        if here is not None:
            self._seen.add(hash(here))
        link = self._resolve(str(page.next))
        if hash(link) in self._seen:
            raise self.error("the next page is one that was read already")
        self._seen.add(hash(link))
        if len(self._seen) > self._most:
            raise self.error(f"it does not end after {self._most} pages")
        return link

    def error(self, wrong: str) -> ListingError:
        """Return the error of a listing with this wrong."""
        return ListingError(
            self._service, self._operation, f"the listing cannot be trusted: {wrong}"
        )

    def expired(self, detail: str) -> ExpiredError:
        """Return the error of a next page that the service no longer gives."""
        return ExpiredError(
            self._service, self._operation, f"the next page has expired or is refused: {detail}"
        )

    def _take(self, page: Page[Any]) -> None:
        self._listed += page.size
        self._expected = page.count if self._expected is None else self._expected
        if self._expected is not None and self._listed > 1.1 * self._expected + _SLACK:
            raise self.error(
                f"it has more than {self._listed - 1} elements, and counted {self._expected:.0f}"
            )
        self._empty = 0 if page.items else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise self.error(f"{_MOST_EMPTY} pages in a row have nothing that can be read")
        if page.first:
            begins = hash(page.first)
            self._begun[begins] += 1
            if self._begun[begins] > self._repeats:
                raise self.error(f"{self._repeats + 1} pages begin with the same element")


def _can_be_sent(link: object) -> bool:
    text = link if isinstance(link, str) else "\n"
    return len(text) <= _LONGEST_LINK and text.isascii() and text.isprintable()


def _id_of(item: object) -> str:
    return str(getattr(item, "id", "") or getattr(item, "object_id", ""))


def _continuation(rest: Mapping[str, Any]) -> object:
    """Return where the next page is, under any spelling, an address before a token; None: at the end."""
    named = [
        value.strip() if isinstance(value, str) else value
        for name, value in rest.items()
        if re.sub("[^a-z]", "", name.casefold()) in _CONTINUATIONS
    ]
    found = [str(each) if type(each) is int else each for each in named]
    given = [each for each in found if each is not None and each is not False and each != ""]
    addresses = [each for each in given if isinstance(each, str) and "://" in each]
    return next(iter(addresses or given), None)
