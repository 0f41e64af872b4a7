"""Users: the lists of the roster, a page at a time, with those to move selected."""

from typing import TYPE_CHECKING, Final
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

from functions.console.door import Asked, Page
from functions.console.parts import WORDS, count, once, rows, state
from functions.console.session import BASE
from shared.domain.roster import RosterEntry, Standing
from shared.errors import InputError

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_PAGE: Final = 50
_FILTERS: Final = {
    Standing.READY: "Users ready to be moved to Audio Conferencing",
    Standing.WAITING: "Waiting",
    Standing.ATTENTION: "Needs attention",
    Standing.EXCLUDED: "Excluded",
    Standing.ON_MICROSOFT: "On Microsoft",
    Standing.UNLICENSED: "Not licensed, on a third party",
}


async def show(app: "App", asked: Asked) -> Page:
    """Show a page of a list: all whose address begins with what was searched for."""
    standing = _list(asked.query.get("list", Standing.READY))
    search = asked.query.get("search", "").strip()
    found, more = await app.adapters.roster.page(
        standing, _PAGE, asked.query.get("after", ""), search
    )
    total = (await app.adapters.roster.counts())[standing]
    here = {"list": str(standing), "search": search}
    content = [_filter(standing, search), _table(standing, found, total, asked, search)]
    if more:
        content.append(
            p(".pager")[a(href=f"{BASE}/users?{urlencode({**here, 'after': more})}")["Next page"]]
        )
    return Page("Users", "users", content)


def _list(name: str) -> Standing:
    try:
        return Standing(name)
    except ValueError:
        raise InputError(f"list {name!r}: there are {', '.join(Standing)}") from None


def _filter(standing: Standing, search: str) -> Node:
    return form(".filter", method="get", action=f"{BASE}/users", role="search")[
        label(for_="list")["Show"],
        select("#list", name="list")[
            (
                option(value=str(each), selected=each is standing)[text]
                for each, text in _FILTERS.items()
            )
        ],
        label(for_="search")["Address begins with"],
        input("#search", type="search", name="search", value=search, autocomplete="off"),
        button(type="submit")["Show"],
    ]


def _table(
    standing: Standing, found: list[RosterEntry], total: int, asked: Asked, search: str
) -> Node:
    may_select = standing is Standing.READY and asked.person.may_write
    columns = ("Select", "User", "Address", "Provider", "Country", "Department", "Why")
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
            each.country or "",
            each.department or "",
            each.reason,
        )[0 if may_select else 1 :]
        for each in found
    ]
    nobody = f"Nobody is on the list {WORDS[standing][1]!r}" + (
        f" with an address that begins with {search!r}." if search else "."
    )
    listed = rows(_FILTERS[standing], columns[0 if may_select else 1 :], lines, nobody)
    heading = p(".note")[state(standing), " ", count(total, "user"), ", as last seen."]
    if not (may_select and found):
        return section[heading, listed]
    return section[
        heading,
        form(method="post", action=f"{BASE}/users/move")[
            once(),
            listed,
            div(".actions")[
                button(".primary", type="submit", name="which", value="selected")["Move selected"],
                not search
                and button(type="submit", name="which", value="all")[f"Move all {total:,}"],
            ],
        ],
    ]
