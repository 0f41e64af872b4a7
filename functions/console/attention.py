"""Needs attention: the users whom only a person can help, by reason."""

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from htpy import a, button, div, form, h2, input, p, section  # noqa: A004 - an element's name

from functions.console.door import Asked, Page
from functions.console.parts import count, moment, once, rows
from functions.console.session import BASE
from shared.domain.retry import Waiting

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_SHOWN: Final = 1_000


async def show(app: "App", asked: Asked) -> Page:
    """Show them grouped by reason, the largest group first."""
    groups: dict[str, list[Waiting]] = defaultdict(list)
    number = 0
    async for row in app.adapters.waiting.attention():
        groups[row.reason].append(row)
        number += 1
        if number == _SHOWN:
            break
    now = app.adapters.clock.now()
    if not groups:
        return Page("Needs attention", "attention", p(".empty")["Nobody needs attention."])
    content = [
        section[
            h2[f"{reason} ({count(len(users), 'user')})"],
            p(".note")["The app goes on trying; whoever succeeds leaves this list by itself."],
            form(method="post", action=f"{BASE}/users/move")[
                once(),
                rows(
                    reason,
                    ("Select", "User", "Since", "Tried again"),
                    (
                        (
                            input(
                                type="checkbox",
                                name="user",
                                value=row.user_id,
                                aria_label=f"Select {row.upn or row.user_id}",
                            ),
                            a(href=f"{BASE}/users/{row.user_id}")[row.upn or row.user_id],
                            moment(row.since, now),
                            moment(row.due, now),
                        )
                        for row in users
                    ),
                    "",
                ),
                asked.person.may_write
                and div(".actions")[button(".primary", type="submit")["Retry selected"]],
            ],
        ]
        for reason, users in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    if number == _SHOWN:
        content.append(p(".note")[f"The first {_SHOWN:,} users. All of them: acp attention"])
    return Page("Needs attention", "attention", content)
