"""Move users of a list: first what it does, then, once confirmed, a run."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from htpy import (
    Element,
    a,
    button,
    div,
    form,
    h2,
    input,  # noqa: A004 - the element's name
    li,
    p,
    section,
    ul,
)

from functions.console.door import Asked, Goto, Page
from functions.console.parts import count, rows, state
from functions.console.session import BASE
from functions.console.users import Filter
from shared.domain.listing import TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.roster import Standing
from shared.errors import InputError, TooLargeError

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_LOOKED_AT: Final = 100
_MOST: Final = 100_000


async def confirm(app: "App", asked: Asked) -> Page:
    """Show who would be moved and every side effect, read anew for up to 100 users; change nothing."""
    everybody = asked.one("which") == "all"
    users = await _everybody(app) if everybody else asked.form.get("user", [])
    if not users:
        raise InputError("no user is selected: go back, select some, and try again")
    switches = await app.adapters.teams.switches()
    found = [result async for result in app.previewer.preview(users[:_LOOKED_AT])]
    outcomes = Counter(result.outcome for result in found)
    third = sum(bool(result.old_provider) and result.outcome == "would_move" for result in found)
    looked = "" if len(users) <= _LOOKED_AT else f" (of the first {_LOOKED_AT} users)"
    effects = [
        f"{count(third, 'conference ID')} and the numbers with it are replaced{looked}; the old ones "
        "are saved first, and in vain in old invitations.",
        *_effects(switches),
    ]
    content = section[
        p[f"{count(len(users), 'user')} selected. What this does:"],
        ul[(li[each] for each in effects)],
        app.settings.mode == "report"
        and p(".banner.todo")["This app only reports (ACP_MODE=report): nobody will be moved."],
        ul(".outcomes")[(li[state(name), f" {n:,}"] for name, n in sorted(outcomes.items()))],
        _confirm_form(asked, users, everybody=everybody),
        h2["These users"],
        rows(
            "Users to be moved",
            ("User", "What happens", "Provider", "Why"),
            ((r.upn or r.user_id, state(r.outcome), r.old_provider or "", r.reason) for r in found),
            "",
        ),
    ]
    return Page("Move users", "users", content)


def _effects(switches: TenantSwitches | None) -> list[str]:
    """Return what the tenant's settings add to a move; None: they are not known."""
    if switches is None:
        return ["Whether mails are sent and meetings updated is not known here: nothing is set."]
    return [
        "Microsoft mails the users their new numbers and PIN."
        if switches.sends_mail
        else "No mail is sent.",
        "All future meetings of these users are sent again to every attendee."
        if switches.sends_meetings
        else "Meetings are not sent again.",
    ]


async def begin(app: "App", asked: Asked) -> Goto:
    """Begin the run that was confirmed; the same form again is the same run."""
    everybody = asked.one("which") == "all"
    users = await _everybody(app) if everybody else asked.form.get("user", [])
    expected = asked.one("expected")
    if everybody and expected != str(len(users)):
        raise InputError(
            f"{expected} users were confirmed, and {len(users):,} are on the list now: look again"
        )
    names = tuple(dict.fromkeys(users))
    request = MoveRequest(names, options=MoveOptions(expected=len(names)))
    run = await app.move_requests.accept(
        await app.validated(request), asked.one("key") or None, asked.by
    )
    return Goto(f"runs/{run.id}")


async def _everybody(app: "App") -> list[str]:
    """Return the ids of all users on the list *ready*."""
    users: list[str] = []
    after: str | None = ""
    ready = Filter(Standing.READY)
    while after is not None:
        found, after = await ready.page(app, 999, after)
        users += [each.user_id for each in found]
        if len(users) > _MOST:
            raise TooLargeError(f"more than {_MOST:,} users are ready: use a sweep instead")
    return users


def _confirm_form(asked: Asked, users: list[str], *, everybody: bool) -> Element:
    fields = (
        [
            input(type="hidden", name="which", value="all"),
            input(type="hidden", name="expected", value=str(len(users))),
        ]
        if everybody
        else [input(type="hidden", name="user", value=user) for user in users]
    )
    return form(method="post", action=f"{BASE}/users/move/begin")[
        fields,
        input(type="hidden", name="key", value=asked.one("key")),
        div(".actions")[
            button(".primary", type="submit")[f"Move {count(len(users), 'user')}"],
            a(".button", href=f"{BASE}/users")["Cancel"],
        ],
    ]
