"""The pause of all changes, on the overview: stop, and resume."""

from datetime import datetime
from typing import TYPE_CHECKING

from htpy import (
    Element,
    button,
    div,
    form,
    input,  # noqa: A004 - the element's name
    p,
)

from functions.console import reasons
from functions.console.asked import Asked, Goto
from functions.console.once import first_time
from functions.console.parts import moment, once
from functions.console.session import BASE
from shared.domain.pause import Pause
from shared.errors import ConflictError

if TYPE_CHECKING:
    from shared.bootstrap.services import App


async def pause(app: "App", asked: Asked) -> Goto:
    """Pause all changes, unless somebody else has."""
    missing = "" if asked.one("note") else "Write why: whoever meets the pause has to know."
    by = reasons.given(asked, note=missing)
    async with first_time(app, asked) as first:
        if first:
            if current := await app.pauses.current():
                raise ConflictError(f"changes are {current}")
            await app.pauses.pause(by.note, by)
    return Goto("")


async def resume(app: "App", asked: Asked) -> Goto:
    """End the pause that the page showed."""
    by = reasons.given(asked)
    async with first_time(app, asked) as first:
        if first:
            current = await app.pauses.current()
            if current is None:
                raise ConflictError("changes are not paused any more")
            if current.since.isoformat() != asked.one("since"):
                raise ConflictError(f"this is another pause than you saw: changes are {current}")
            await app.pauses.end(by)
    return Goto("")


def paused(current: Pause | None, asked: Asked, now: datetime) -> Element:
    """Return whether changes are paused, with the form that changes it."""
    may = asked.person.may_write
    if current is None:
        return form(".decision", method="post", action=f"{BASE}/pause")[
            once(),
            reasons.fields(asked, "pause", note="Stop all changes, because", needed=True),
            div(".actions")[
                button(type="submit", disabled=not may)["Pause"],
                p(".note")[
                    "What has begun is finished; nobody else is changed until somebody resumes."
                ],
            ],
        ]
    return form(".banner.todo", method="post", action=f"{BASE}/resume")[
        once(),
        input(type="hidden", name="since", value=current.since.isoformat()),
        p[
            "All changes are paused by ",
            current.by.name,
            ", ",
            moment(current.since, now),
            f": {current.note}",
        ],
        reasons.fields(asked, "resume"),
        div(".actions")[button(".primary", type="submit", disabled=not may)["Resume"]],
    ]
