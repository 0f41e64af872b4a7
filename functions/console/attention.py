"""Needs attention: the users whom only a person can help, by reason; who knows of it sorts below."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
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
from functions.console.asked import Asked, Goto, Page
from functions.console.once import first_time
from functions.console.parts import NOBODY, box, fault, moment, once, rows, user_link
from functions.console.session import BASE
from shared.concurrency import gather_bounded
from shared.domain.retry import Waiting, WaitReason
from shared.errors import ConflictError
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_SHOWN: Final = 1_000
_AT_ONCE: Final = 16
_ADVICE: Final = {
    WaitReason.PROVISIONING: "Teams does not have these users yet, though they are licensed: look in "
    "the Teams admin center whether they are there; where not, assign the license anew.",
    WaitReason.SERVICE: "A service did not answer for long: Health says which, and what to do.",
    WaitReason.FAILURE: "The service refuses the change: cure what the reason names, then retry.",
    WaitReason.SECOND_LOOK: "The directory contradicts itself about these users: retry them in a while.",
}


async def show(app: "App", asked: Asked) -> Page:
    """Show them grouped by reason, the largest group first."""
    found = await app.adapters.waiting.first_in_need(_SHOWN)
    if not found:
        return Page("Needs attention", "attention", p(".empty")["Nobody needs attention."])
    groups: dict[str, list[Waiting]] = defaultdict(list)
    for row in found:
        groups[row.reason].append(row)
    now = app.adapters.clock.now()
    ordered = sorted(groups.items(), key=lambda group: (_all_known(group[1]), -len(group[1])))
    content = form(method="post", action=f"{BASE}/attention/retry")[
        once(),
        fault(asked, "user"),
        (_group(reason, users, asked, now) for reason, users in ordered),
        len(found) == _SHOWN
        and p(".note")[f"The first {_SHOWN:,} users. All of them: acp attention"],
        asked.person.may_write and _actions(asked),
    ]
    return Page("Needs attention", "attention", content)


async def acknowledge(app: "App", asked: Asked) -> Goto:
    """Record that this person knows of the selected users; they stay on the list, further below."""
    users = asked.several("user")
    by = reasons.given(asked, user="" if users else NOBODY)
    waiting = app.adapters.waiting
    async with first_time(app, asked) as first:
        if first:
            known = await gather_bounded(map(waiting.find_waiting, users), _AT_ONCE)
            if gone := len(users) - sum(bool(row and row.needs_attention) for row in known):
                raise ConflictError(
                    f"{counted(gone, 'user')} of the {len(users):,} selected no longer "
                    f"{'needs' if gone == 1 else 'need'} attention"
                )
            await app.acknowledger.acknowledge(users, by)
    return Goto("attention")


def _group(reason: str, users: Sequence[Waiting], asked: Asked, now: datetime) -> Element:
    users = sorted(users, key=lambda row: (bool(row.acknowledged_by), row.upn))
    columns = ("Select", "User", "Since", "Tried again", "Acknowledged")
    lines = (
        (
            box(asked, row.user_id, row.upn or row.user_id),
            user_link(row.user_id, row.upn),
            moment(row.since, now),
            moment(row.due, now),
            _acknowledged(row, now),
        )
        for row in users
    )
    return section[
        h2[f"{reason} ({counted(len(users), 'user')})"],
        p(".note")[
            _ADVICE.get(users[0].cause, "Open a user to see what there is to do."),
            " The app goes on trying; whoever succeeds leaves this list by itself.",
        ],
        rows(reason, columns, lines, ""),
    ]


def _actions(asked: Asked) -> list[Node]:
    """Return what to do with those selected; a retry asks for its reason on the page that follows."""
    acknowledge = button(type="submit", formaction=f"{BASE}/attention/acknowledge")
    return [
        div(".actions")[button(".primary", type="submit")["Retry selected"]],
        div(".decision")[
            reasons.fields(asked, "acknowledge", note="Known, because"),
            div(".actions")[acknowledge["Acknowledge selected"]],
        ],
    ]


def _acknowledged(row: Waiting, now: datetime) -> Node:
    return row.acknowledged_by and [
        "by ",
        row.acknowledged_by,
        ", ",
        moment(row.acknowledged_at, now),
    ]


def _all_known(users: Sequence[Waiting]) -> bool:
    return all(row.acknowledged_by for row in users)
