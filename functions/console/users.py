"""Users: the lists of the roster, a page at a time, with those to move selected."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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

from functions.console.asked import Asked, FieldsError, File, Page
from functions.console.download import as_file
from functions.console.parts import box, fault, marks, moment, once, rows, state, user_link
from functions.console.session import BASE
from shared.domain.roster import RosterEntry, Standing
from shared.errors import InputError
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_PAGE: Final = 50
_READ_AT_ONCE: Final = 999
_ALL: Final = "all"
_FILTERS: Final[Mapping[str, str]] = {
    Standing.READY: "Users ready to be moved to Audio Conferencing",
    Standing.WAITING: "Waiting",
    Standing.ATTENTION: "Needs attention",
    Standing.EXCLUDED: "Excluded",
    Standing.ON_MICROSOFT: "On Microsoft",
    Standing.UNLICENSED: "Not licensed, on a third party",
    Standing.HELD: "Held: ready, and waiting for a decision",
    _ALL: "All users",
}
_LISTS: Final[Mapping[str, tuple[Standing, ...]]] = {
    Standing.READY: (Standing.HELD, Standing.READY),  # who is held is ready, too
    _ALL: tuple(Standing),
}
_COLUMNS: Final = ("User", "Address", "Provider", "Country", "Department", "Why")
_FILE_COLUMNS: Final = (*_COLUMNS, "Last seen (UTC)", "Id")
_FIELDS: Final = {
    "search": ("Address begins with", 20),
    "provider": ("Provider", 12),
    "country": ("Country", 3),
    "department": ("Department", 12),
}
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom a page of a list shows: what the address begins with, the provider, country, department.

    name: of the list.
    """

    name: str
    search: str = ""
    provider: str = ""
    country: str = ""
    department: str = ""

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Return the filter of an address. InputError: there is no such list. FieldsError: a field is wrong.

        Where the page is shown again because of that, the field is left out.
        """
        name = asked.query.get("list", Standing.READY)
        if name not in _FILTERS:
            raise InputError(f"list {name!r}: there are {', '.join(_FILTERS)}")
        given = {each: asked.query.get(each, "").strip() for each in _FIELDS}
        given["country"] = given["country"].upper()
        faults = {
            each: f"{len(text)} characters are too many: at most {_LONGEST} are taken."
            for each, text in given.items()
            if len(text) > _LONGEST
        }
        if given["country"] and not re.fullmatch("[A-Z]{2}", given["country"]):
            faults["country"] = "Two letters are needed, such as DE or US."
        if faults and not asked.faults:
            raise FieldsError(faults)
        return cls(name, **{each: "" if each in faults else text for each, text in given.items()})

    @property
    def lists(self) -> tuple[Standing, ...]:
        """The lists of the roster behind this one, in the order in which they are shown."""
        return _LISTS.get(self.name) or (Standing(self.name),)

    @property
    def narrowed(self) -> dict[str, str]:
        """The fields that leave out users of the list."""
        return {each: text for each in _FIELDS if (text := getattr(self, each))}

    @property
    def query(self) -> dict[str, str]:
        """The filter as parameters of an address."""
        return {"list": self.name, **self.narrowed}

    async def page(
        self, app: "App", limit: int, after: str = "", counts: Mapping[str, int] | None = None
    ) -> tuple[list[RosterEntry], str | None]:
        """Return a page of the users, and where the next one begins. counts: no empty list is read."""
        found: list[RosterEntry] = []
        # Where the page before ended within a list, those before it are over.
        at = after.split("|")[1] if after.count("|") > 1 else ""
        lists = self.lists[self.lists.index(Standing(at)) :] if at in self.lists else self.lists
        for standing in lists:
            if counts is not None and not counts[standing]:
                continue
            if len(found) == limit:
                return found, f"l|{standing}|"
            some, more = await app.adapters.roster.page(
                standing,
                limit - len(found),
                after,
                self.search,
                provider=self.provider,
                country=self.country,
                department=self.department,
            )
            found += some
            if more:
                return found, more
            after = ""
        return found, None


async def show(app: "App", asked: Asked) -> Page:
    """Show a page of a list: all whose address begins with what was searched for."""
    wanted = Filter.of(asked)
    picture = await app.picture.read()
    found, more = await wanted.page(app, _PAGE, asked.query.get("after", ""), picture.counts)
    total = sum(picture.counts[each] for each in wanted.lists)
    age = _age(picture.swept_at, app.adapters.clock.now())
    content = [_filter(wanted, asked), _table(wanted, found, total, asked, age)]
    files = [
        a(href=f"{BASE}/users.{kind}?{urlencode(wanted.query)}", download=True)[
            f"Download {kind.upper()}"
        ]
        for kind in ("csv", "xlsx")
    ]
    following = f"{BASE}/users?{urlencode({**wanted.query, 'after': more or ''})}"
    content.append(bool(found) and p(".pager")[more and a(href=following)["Next page"], files])
    return Page("Users", "users", content)


async def download(app: "App", asked: Asked) -> File:
    """Return what a list shows, all pages of it, as a file."""
    wanted = Filter.of(asked)
    return await as_file(f"users-{wanted.name}", asked, _FILE_COLUMNS, _rows(app, wanted))


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


def _filter(wanted: Filter, asked: Asked) -> Node:
    return form(".filter", method="get", action=f"{BASE}/users", role="search")[
        div[
            label(for_="list")["Show"],
            select("#list", name="list")[
                (
                    option(value=str(each), selected=each == wanted.name)[text]
                    for each, text in _FILTERS.items()
                )
            ],
        ],
        (
            div[
                label(for_=name)[text],
                input(
                    f"#{name}",
                    marks(asked, name),
                    type="search",
                    name=name,
                    value=asked.query.get(name, "").strip(),
                    size=str(size),
                    autocomplete="off",
                ),
                fault(asked, name),
            ]
            for name, (text, size) in _FIELDS.items()
        ),
        button(type="submit")["Show"],
    ]


def _table(wanted: Filter, found: list[RosterEntry], total: int, asked: Asked, age: Node) -> Node:
    may_select = wanted.name in (Standing.READY, Standing.HELD) and asked.person.may_write
    several = len(wanted.lists) > 1
    everybody = asked.query.get("all") == "yes" and not asked.error
    columns = ("Select", *_COLUMNS[:2], "List", *_COLUMNS[2:])
    shown = [
        name for name in columns if (name != "Select" or may_select) and (name != "List" or several)
    ]
    lines: list[list[Node]] = []
    for each in found:
        cells: dict[str, Node] = {
            "Select": box(asked, each.user_id, each.upn, chosen=everybody),
            "User": user_link(each.user_id, each.name or each.upn),
            "Address": each.upn,
            "List": state(each.standing or ""),
            "Provider": each.provider or "none",
            "Country": each.country,
            "Department": each.department,
            "Why": each.reason,
        }
        lines.append([cells[name] for name in shown])
    nobody = f"Nobody is on the list {_FILTERS[wanted.name]!r}" + (
        f" with {_told(wanted)}." if wanted.narrowed else "."
    )
    listed = rows(_FILTERS[wanted.name], shown, lines, nobody)
    heading = p(".note")[
        f"{counted(total, 'user')} in all. ",
        age,
        bool(found) and bool(wanted.narrowed) and f" Shown: with {_told(wanted)}.",
    ]
    if not (may_select and found):
        return section[heading, listed]
    move_all = button(type="submit", name="which", value="all")[f"Move all {total:,}"]
    all_ready = wanted.name == Standing.READY and not wanted.narrowed
    return section[
        heading,
        form(method="post", action=f"{BASE}/users/move?{urlencode(wanted.query)}")[
            once(),
            fault(asked, "user"),
            listed,
            div(".actions")[
                button(".primary", type="submit", name="which", value="selected")["Move selected"],
                all_ready and move_all,
            ],
        ],
    ]


def _age(swept_at: datetime | None, now: datetime) -> Node:
    """Return how old the picture is that a list shows."""
    if swept_at is None:
        return "This is what was last seen of each; no sweep is among the last runs."
    return [
        "This is the picture of the sweep ",
        moment(swept_at, now),
        "; events and moves since then are in it.",
    ]


def _told(wanted: Filter) -> str:
    texts = {
        "search": "an address that begins with",
        "provider": "the provider",
        "country": "the country",
        "department": "the department",
    }
    return " and ".join(f"{texts[name]} {value!r}" for name, value in wanted.narrowed.items())
