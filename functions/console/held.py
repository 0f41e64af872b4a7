"""Held users of a run: by name, with release or discard of all or of some."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from htpy import (
    Element,
    Node,
    button,
    div,
    form,
    h2,
    p,
    section,
)

from functions.console import reasons
from functions.console.asked import Asked, Goto
from functions.console.once import first_time
from functions.console.parts import NOBODY, box, fault, moment, once, rows, user_link
from functions.console.session import BASE
from shared.domain.held import HeldSelection
from shared.domain.pause import RequestedBy
from shared.domain.run import Run

if TYPE_CHECKING:
    from shared.bootstrap.services import App

Decide = Callable[[str, RequestedBy, HeldSelection], Awaitable[tuple[Run, int]]]

_SHOWN: Final = 200


async def release(app: "App", asked: Asked) -> Goto:
    """Release users of a run: those selected, or all."""
    return await _decide(app, asked, app.releases.release_run)


async def discard(app: "App", asked: Asked) -> Goto:
    """Take users off a run's list: those selected, or all."""
    return await _decide(app, asked, app.releases.discard_run)


async def _decide(app: "App", asked: Asked, decide: Decide) -> Goto:
    everybody, users = asked.one("which") == "all", asked.several("user")
    nobody = "" if everybody or users else NOBODY
    by = reasons.given(asked, user=nobody)
    chosen = HeldSelection(users=None if everybody else frozenset(map(str.casefold, users)))
    async with first_time(app, asked) as first:
        if first:
            await decide(asked.parts[1], by, chosen)
    return Goto(f"runs/{asked.parts[1]}")


async def held_users(app: "App", run: Run, asked: Asked) -> Node:
    """Return who of a run is held, with what a person may decide; nothing where nobody is."""
    found = await app.adapters.held.first_of(run.id, _SHOWN + 1)
    if not found:
        return None
    shown, now = found[:_SHOWN], app.adapters.clock.now()
    columns = ("Select", "User", "Provider", "Held", "Why")
    lines = (
        (
            box(asked, each.user_id, each.upn or each.user_id),
            user_link(each.user_id, each.upn),
            each.provider or "none",
            moment(each.since, now),
            each.reason or run.reason,
        )
        for each in shown
    )
    number = f"more than {_SHOWN}" if len(found) > _SHOWN else f"{len(found):,}"
    effects = p(".note")[
        "Releasing moves them within a minute: their conference IDs are replaced, after they are saved. "
        "Discarding leaves them as they are, until the next sweep finds them."
    ]
    return section[
        h2[f"Held users ({number})"],
        effects,
        form(method="post", action=f"{BASE}/runs/{run.id}/release")[
            once(),
            asked.person.may_write
            and div(".decision")[
                reasons.fields(asked, "held", "release", "discard"), _actions(run)
            ],
            fault(asked, "user"),
            rows("Held users", columns, lines, ""),
        ],
    ]


def _actions(run: Run) -> Element:
    to_discard = f"{BASE}/runs/{run.id}/discard"
    return div(".actions")[
        button(".primary", type="submit", name="which", value="selected")["Release selected"],
        button(type="submit", name="which", value="all")["Release all"],
        button(type="submit", name="which", value="selected", formaction=to_discard)[
            "Discard selected"
        ],
        button(type="submit", name="which", value="all", formaction=to_discard)["Discard all"],
    ]
