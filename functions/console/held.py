"""Held users of a run: by name, with release or discard of all or of some; and the pause of all changes."""

from typing import TYPE_CHECKING, Final

from htpy import (
    Element,
    Node,
    a,
    button,
    div,
    form,
    h2,
    input,  # noqa: A004 - the element's name
    label,
    p,
    section,
)

from functions.console.door import Asked, Goto
from functions.console.parts import moment, once, rows
from functions.console.session import BASE
from shared.domain.held import HeldSelection
from shared.domain.pause import Pause
from shared.domain.run import Run
from shared.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from shared.bootstrap.services import App

_SHOWN: Final = 200


async def release(app: "App", asked: Asked) -> Goto:
    """Release users of a run: those selected, or all."""
    run, _ = await app.releases.release_run(asked.parts[1], asked.by, _chosen(asked))
    return Goto(f"runs/{run.id}")


async def discard(app: "App", asked: Asked) -> Goto:
    """Take users off a run's list: those selected, or all."""
    run, _ = await app.releases.discard_run(asked.parts[1], asked.by, _chosen(asked))
    return Goto(f"runs/{run.id}")


async def pause(app: "App", asked: Asked) -> Goto:
    """Pause all changes."""
    await app.pauses.pause(asked.one("note"), asked.by)
    return Goto("")


async def resume(app: "App", asked: Asked) -> Goto:
    """End the pause."""
    await app.pauses.end(asked.by)
    return Goto("")


async def held_users(app: "App", run: Run, asked: Asked) -> Node:
    """Return who of a run is held, with what a person may decide; nothing where nobody is."""
    found = await app.adapters.held.first_of(run.id, _SHOWN + 1)
    if not found:
        return None
    shown, now = found[:_SHOWN], app.adapters.clock.now()
    columns = ("Select", "User", "Provider", "Held", "Why")
    lines = (
        (
            input(
                type="checkbox",
                name="user",
                value=each.user_id,
                aria_label=f"Select {each.upn or each.user_id}",
            ),
            a(href=f"{BASE}/users/{each.user_id}")[each.upn or each.user_id],
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
            rows("Held users", columns, lines, ""),
            asked.person.may_write and _actions(run),
        ],
    ]


def paused(current: Pause | None, asked: Asked, now: "datetime") -> Element:
    """Return whether changes are paused, with the button that changes it."""
    if current is None:
        return form(".filter", method="post", action=f"{BASE}/pause")[
            once(),
            label(for_="note")["Stop all changes, because"],
            input("#note", name="note", required=True, maxlength=500, autocomplete="off"),
            button(type="submit", disabled=not asked.person.may_write)["Pause"],
        ]
    return form(".banner.todo", method="post", action=f"{BASE}/resume")[
        once(),
        p[
            "All changes are paused by ",
            current.by.name,
            ", ",
            moment(current.since, now),
            f": {current.note}",
        ],
        div(".actions")[
            button(".primary", type="submit", disabled=not asked.person.may_write)["Resume"]
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


def _chosen(asked: Asked) -> HeldSelection:
    if asked.one("which") == "all":
        return HeldSelection()
    users = frozenset(user.casefold() for user in asked.form.get("user", []))
    if not users:
        raise InputError("no user is selected: go back, select some, and try again")
    return HeldSelection(users=users)
