"""Users: the lists of the roster, a page at a time, with those to move selected."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode

from htpy import (
    Node,
    a,
    button,
    div,
    form,
    input,  # noqa: A004 - the element's name
    label,
    option,
    p,
    section,
    select,
)

from functions.console.door import Asked, File, Page
from functions.console.download import packed_csv
from functions.console.parts import WORDS, count, once, rows, state
from functions.console.session import BASE
from shared.domain.roster import RosterEntry, Standing
from shared.errors import InputError

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_PAGE: Final = 50
_READ_AT_ONCE: Final = 999
_FILTERS: Final = {
    Standing.READY: "Users ready to be moved to Audio Conferencing",
    Standing.WAITING: "Waiting",
    Standing.ATTENTION: "Needs attention",
    Standing.EXCLUDED: "Excluded",
    Standing.ON_MICROSOFT: "On Microsoft",
    Standing.UNLICENSED: "Not licensed, on a third party",
}
_COLUMNS: Final = ("User", "Address", "Provider", "Country", "Department", "Why")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom a page of a list shows: what the address begins with, the provider, the country."""

    standing: Standing
    search: str = ""
    provider: str = ""
    country: str = ""

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Return the filter of an address; InputError: there is no such list."""
        name = asked.query.get("list", Standing.READY)
        try:
            standing = Standing(name)
        except ValueError:
            raise InputError(f"list {name!r}: there are {', '.join(Standing)}") from None
        given = {
            each: asked.query.get(each, "").strip()[:_LONGEST]
            for each in ("search", "provider", "country")
        }
        return cls(standing, **{**given, "country": given["country"].upper()})

    @property
    def query(self) -> dict[str, str]:
        """The filter as parameters of an address."""
        wanted = {"search": self.search, "provider": self.provider, "country": self.country}
        return {"list": str(self.standing), **{k: v for k, v in wanted.items() if v}}

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves out users of the list."""
        return bool(self.search or self.provider or self.country)

    async def page(
        self, app: "App", limit: int, after: str = ""
    ) -> tuple[list[RosterEntry], str | None]:
        """Return a page of the users, and where the next one begins."""
        found: list[RosterEntry] = []
        for standing in lists_of(self.standing):
            if len(found) == limit:
                return found, f"l|{standing}|"
            some, more = await app.adapters.roster.page(
                standing,
                limit - len(found),
                after,
                self.search,
                provider=self.provider,
                country=self.country,
            )
            found += some
            if more:
                return found, more
        return found, None


def lists_of(standing: Standing) -> tuple[Standing, ...]:
    """Return the lists of the roster behind one of the console: who is held is ready, too."""
    return (Standing.HELD, Standing.READY) if standing is Standing.READY else (standing,)


async def show(app: "App", asked: Asked) -> Page:
    """Show a page of a list: all whose address begins with what was searched for."""
    wanted = Filter.of(asked)
    (found, more), counts = await asyncio.gather(
        wanted.page(app, _PAGE, asked.query.get("after", "")), app.adapters.roster.counts()
    )
    total = sum(counts[each] for each in lists_of(wanted.standing))
    content = [_filter(wanted), _table(wanted, found, total, asked)]
    links = [a(href=f"{BASE}/users.csv?{urlencode(wanted.query)}", download=True)["Download CSV"]]
    if more:
        following = urlencode({**wanted.query, "after": more})
        links.insert(0, a(href=f"{BASE}/users?{following}")["Next page"])
    content.append(bool(found) and p(".pager")[links])
    return Page("Users", "users", content)


async def download(app: "App", asked: Asked) -> File:
    """Return what a list shows, all pages of it, as CSV."""
    wanted = Filter.of(asked)
    packed = await packed_csv((*_COLUMNS, "Last seen (UTC)", "Id"), _rows(app, wanted))
    return File(f"users-{wanted.standing}.csv", "text/csv", packed)


async def _rows(app: "App", wanted: Filter) -> AsyncIterator[Sequence[object]]:
    after: str | None = ""
    while after is not None:
        found, after = await wanted.page(app, _READ_AT_ONCE, after)
        for each in found:
            yield (
                each.name,
                each.upn,
                each.provider or "none",
                each.country,
                each.department,
                each.reason,
                f"{each.seen_at:%Y-%m-%d %H:%M}",
                each.user_id,
            )


def _filter(wanted: Filter) -> Node:
    return form(".filter", method="get", action=f"{BASE}/users", role="search")[
        label(for_="list")["Show"],
        select("#list", name="list")[
            (
                option(value=str(each), selected=each is wanted.standing)[text]
                for each, text in _FILTERS.items()
            )
        ],
        label(for_="search")["Address begins with"],
        input("#search", type="search", name="search", value=wanted.search, autocomplete="off"),
        label(for_="provider")["Provider"],
        input("#provider", type="search", name="provider", value=wanted.provider, size=12),
        label(for_="country")["Country"],
        input("#country", type="search", name="country", value=wanted.country, size=3, maxlength=2),
        button(type="submit")["Show"],
    ]


def _table(wanted: Filter, found: list[RosterEntry], total: int, asked: Asked) -> Node:
    may_select = wanted.standing is Standing.READY and asked.person.may_write
    first = 0 if may_select else 1
    everybody = asked.query.get("all") == "yes"
    lines = [
        (
            input(
                type="checkbox",
                name="user",
                value=each.user_id,
                checked=everybody,
                aria_label=f"Select {each.upn}",
            ),
            a(href=f"{BASE}/users/{each.user_id}")[each.name or each.upn or each.user_id],
            each.upn,
            each.provider or "none",
            each.country,
            each.department,
            each.reason,
        )[first:]
        for each in found
    ]
    nobody = f"Nobody is on the list {WORDS[wanted.standing][1]!r}" + (
        f" with {_told(wanted)}." if wanted.is_narrow else "."
    )
    listed = rows(_FILTERS[wanted.standing], ("Select", *_COLUMNS)[first:], lines, nobody)
    seen = "" if wanted.is_narrow else ", as last seen"
    heading = p(".note")[
        state(wanted.standing),
        " ",
        f"{count(total, 'user')} in all{seen}.",
        bool(found) and wanted.is_narrow and f" Shown: with {_told(wanted)}.",
    ]
    if not (may_select and found):
        return section[heading, listed]
    move_all = button(type="submit", name="which", value="all")[f"Move all {total:,}"]
    return section[
        heading,
        form(method="post", action=f"{BASE}/users/move")[
            once(),
            listed,
            div(".actions")[
                button(".primary", type="submit", name="which", value="selected")["Move selected"],
                not wanted.is_narrow and move_all,
            ],
        ],
    ]


def _told(wanted: Filter) -> str:
    parts = (
        (wanted.search, "an address that begins with"),
        (wanted.provider, "the provider"),
        (wanted.country, "the country"),
    )
    return " and ".join(f"{text} {value!r}" for value, text in parts if value)
