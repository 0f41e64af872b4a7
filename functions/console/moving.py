"""Move users of a list: first what it does, then, once confirmed, a run."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
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
    li,
    p,
    section,
    ul,
)

from functions.console import reasons
from functions.console.asked import Asked, FieldsError, Goto, Page
from functions.console.once import run_begun
from functions.console.parts import NOBODY, moment, once, rows, state, user_link
from functions.console.session import BASE
from functions.console.users import Filter
from functions.http.responses import status_of
from shared.concurrency import gather_bounded
from shared.domain.listing import TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.outcome import UserResult
from shared.domain.roster import Standing
from shared.errors import ConflictError, ServiceError, TooLargeError
from shared.services.sweeping.survey import is_guid
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_LOOKED_AT: Final = 100
_MOST: Final = 100_000
_AT_ONCE: Final = 16


async def confirm(app: "App", asked: Asked) -> Page:
    """Show who would be moved and every side effect, read anew for up to 100 users; change nothing.

    Where Graph or Teams does not answer: what was last seen of them, and nothing to confirm.
    """
    users = await _selected(app, asked)
    if not users:
        raise FieldsError({"user": NOBODY})
    try:
        found, switches = await _look(app, users)
    except ServiceError as error:
        return await _last_picture(app, asked, users, error)
    outcomes = Counter(result.outcome for result in found)
    third = sum(bool(result.old_provider) and result.outcome == "would_move" for result in found)
    looked = "" if len(users) <= _LOOKED_AT else f" (of the first {_LOOKED_AT} users)"
    replaced = (
        f"Replaced: {counted(third, 'conference ID')}, with the numbers{looked}. The old ones are saved "
        "first, but invitations that carry them no longer work."
    )
    content = section[
        p[f"{counted(len(users), 'user')} selected. What this does:"],
        ul[li[replaced], (li[each] for each in effects(switches))],
        app.settings.mode == "report"
        and p(".banner.todo")["This app only reports (ACP_MODE=report): nobody will be moved."],
        ul(".outcomes")[(li[state(name), f" {n:,}"] for name, n in sorted(outcomes.items()))],
        _confirm_form(asked, users, _digest(found, switches)),
        h2["These users"],
        rows(
            "Users to be moved",
            ("User", "What happens", "Provider", "Why"),
            ((r.upn or r.user_id, state(r.outcome), r.old_provider or "", r.reason) for r in found),
            "",
        ),
    ]
    return Page("Move users", "users", content)


def effects(switches: TenantSwitches | None) -> list[str]:
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
    """Begin the run that was confirmed; the same form again is the same run.

    ConflictError: the users are not any more as they were when the page was shown.
    """
    if begun := await run_begun(app, asked):
        return Goto(f"runs/{begun}")
    by = reasons.given(asked)
    users = await _selected(app, asked)
    if not users:
        raise ConflictError("nobody is on the list any more")
    if asked.one("expected") != str(len(users)):
        raise ConflictError(
            f"{asked.one('expected')} users were confirmed, and {len(users):,} are on the list now"
        )
    if asked.one("seen") != _digest(*await _look(app, users)):
        raise ConflictError("some of these users have changed since you looked")
    request = MoveRequest(tuple(users), options=MoveOptions(expected=len(users)))
    run = await app.move_requests.accept(await app.validated(request), asked.one("key"), by)
    return Goto(f"runs/{run.id}")


async def _selected(app: "App", asked: Asked) -> list[str]:
    """Return the ids of those selected, or of all users on the list *ready*."""
    if asked.one("which") != "all":
        return asked.several("user")
    users: list[str] = []
    after: str | None = ""
    ready = Filter(Standing.READY)
    while after is not None:
        found, after = await ready.page(app, 999, after)
        users += [each.user_id for each in found]
        if len(users) > _MOST:
            raise TooLargeError(f"more than {_MOST:,} users are ready: use a sweep instead")
    return users


async def _look(app: "App", users: Sequence[str]) -> tuple[list[UserResult], TenantSwitches | None]:
    """Return what would happen to the first users now, and the tenant's settings. ServiceError: not known."""
    switches = await app.adapters.teams.switches()
    return [result async for result in app.previewer.preview(users[:_LOOKED_AT])], switches


def _digest(found: Sequence[UserResult], switches: TenantSwitches | None) -> str:
    """Return a text that changes with what would happen."""
    seen = sorted((each.user_id, str(each.outcome), each.old_provider or "") for each in found)
    return sha256(repr((seen, switches)).encode()).hexdigest()[:32]


async def _last_picture(
    app: "App", asked: Asked, users: Sequence[str], error: ServiceError
) -> Page:
    roster, now = app.adapters.roster, app.adapters.clock.now()
    ids = [user for user in users[:_LOOKED_AT] if is_guid(user)]
    known = [each for each in await gather_bounded(map(roster.of, ids), _AT_ONCE) if each]
    content = [
        asked.error is None
        and p(".banner.bad", role="alert")[
            f"{error}. Nothing can be moved before it answers; this is what was last seen."
        ],
        rows(
            "Users as last seen",
            ("User", "List", "Provider", "Why", "Seen"),
            (
                (
                    user_link(each.user_id, each.upn),
                    state(each.standing or ""),
                    each.provider or "none",
                    each.reason,
                    moment(each.seen_at, now),
                )
                for each in known
            ),
            "Nothing is known of these users.",
        ),
        div(".actions")[a(".button", href=f"{BASE}/users")["Back to the list"]],
    ]
    return Page("Move users", "users", content, status_of(error))


def _confirm_form(asked: Asked, users: Sequence[str], seen: str) -> Element:
    everybody = asked.one("which") == "all"
    selected: Node = (
        input(type="hidden", name="which", value="all")
        if everybody
        else [input(type="hidden", name="user", value=user) for user in users]
    )
    return form(".decision", method="post", action=f"{BASE}/users/move/begin")[
        selected,
        input(type="hidden", name="expected", value=str(len(users))),
        input(type="hidden", name="seen", value=seen),
        once(),
        reasons.fields(asked, "begin"),
        div(".actions")[
            button(".primary", type="submit")[f"Move {counted(len(users), 'user')}"],
            a(".button", href=f"{BASE}/users")["Cancel"],
        ],
    ]
