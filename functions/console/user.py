"""A user's page: why the user is where he is, provider and numbers to save, what was replaced."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from htpy import (
    Element,
    Node,
    a,
    button,
    dd,
    div,
    dl,
    dt,
    form,
    h2,
    input,  # noqa: A004 - the element's name
    label,
    option,
    p,
    section,
    select,
)

from functions.console import reasons
from functions.console.asked import Asked, FieldsError, Goto, Page
from functions.console.history import happened
from functions.console.moving import effects
from functions.console.once import run_begun
from functions.console.parts import fault, marks, moment, once, rows, state
from functions.console.saving import REFRESH, steps
from functions.console.session import BASE
from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Action
from shared.domain.listing import TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.roster import STANDING
from shared.domain.saved import ReplacedProvider
from shared.domain.user import MICROSOFT
from shared.errors import ConflictError, InputError, ServiceError
from shared.services.admin.user_view import UserView
from shared.userlists.names import user_name

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_STALE: Final = "somebody or something else changed this user since you opened the page"
_MASKED: Final = "••••••"


async def show(app: "App", asked: Asked) -> Page:
    """Show a user as Graph and Teams report it now."""
    return await _page(app, asked)


async def find(app: "App", asked: Asked) -> Goto:
    """Go to the page of the user with this id or address. FieldsError: there is none, or nobody can say."""
    try:
        found = await app.user_reader.find(user_name(asked.query.get("name", "").strip()))
    except (InputError, ServiceError) as error:
        raise FieldsError({"name": f"{error}."}, error) from None
    return Goto(f"users/{found.id}")


async def reveal(app: "App", asked: Asked) -> Page:
    """Show the page with the saved conference IDs; that is recorded."""
    by = reasons.given(asked)
    found = await app.user_reader.find(user_name(asked.parts[1]))
    await app.saved_ids.read(found.id, by)
    return await _page(app, asked, shown=True)


async def save(app: "App", asked: Asked) -> Goto:
    """Begin to set Microsoft as the user's provider, with the numbers that were chosen.

    FieldsError: what is wrong, by field. ConflictError: somebody else changed the user since the page was
    shown.
    """
    if begun := await run_begun(app, asked):
        return Goto(f"users/{asked.parts[1]}?run={begun}")
    view = await app.user_reader.show(user_name(asked.parts[1]))
    if asked.one("seen") != _seen(view):
        raise ConflictError(_STALE)
    by = reasons.given(asked, **_faults(asked, await app.adapters.teams.bridge_numbers()))
    options = MoveOptions(
        send_email=asked.one("mail") == "yes",
        service_number=asked.one("toll") or None,
        toll_free_number=asked.one("toll_free") or None,
        expected=1,
    )
    request = MoveRequest((view.directory.id,), options=options)
    try:
        request = await app.validated(request)
    except ConflictError:
        raise
    except InputError as error:  # numbers of two bridges
        raise FieldsError({"toll_free": f"{error}."}) from None
    run = await app.move_requests.accept(request, asked.one("key"), by)
    return Goto(f"users/{view.directory.id}?run={run.id}")


async def _page(app: "App", asked: Asked, *, shown: bool = False) -> Page:
    try:
        view = await app.user_reader.show(user_name(asked.parts[1]))
    except ServiceError as error:
        return await _last_picture(app, asked, error)
    run = asked.query.get("run", "")
    person, known = view.directory, view.known
    now = app.adapters.clock.now()
    content = [
        await steps(app, person.id, run) if run else None,
        dl(".facts")[
            dt["Address"],
            dd[person.upn],
            dt["License"],
            dd[f"audio conferencing: {person.plan_status or 'none'}"],
            dt["Provider"],
            dd[_provider(view) or "none"],
            dt["What follows"],
            dd[state(STANDING[view.decision.action]), " ", view.decision.reason],
            dt["Last look"],
            dd[moment(known.looked_at if known else None, now)],
            _waits(view, now),
        ],
        await _form(app, view, asked),
        _saved(view, asked, shown=shown),
        await happened(app, person.id, asked.query.get("after", ""), now),
    ]
    title = person.name or person.upn
    return Page(title, "users", content, refresh=REFRESH if run else None)


async def _last_picture(app: "App", asked: Asked, error: ServiceError) -> Page:
    """Return what was last seen of a user, where Graph or Teams does not answer now."""
    try:
        known = await app.adapters.roster.of(str(UUID(asked.parts[1])))
    except ValueError:
        known = None
    if known is None:
        raise error
    content = [
        asked.error is None
        and p(".banner.todo", role="alert")[
            f"{error}. This is the last picture; nothing can be changed before the service answers."
        ],
        dl(".facts")[
            dt["Address"],
            dd[known.upn],
            dt["Provider"],
            dd[known.provider or "none"],
            dt["What follows"],
            dd[state(known.standing or ""), " ", known.reason],
            dt["Seen"],
            dd[moment(known.seen_at, app.adapters.clock.now())],
        ],
        div(".actions")[a(".button", href=f"{BASE}/users/{known.user_id}")["Check again"]],
    ]
    return Page(known.name or known.upn, "users", content)


def _seen(view: UserView) -> str:
    """Return what a person who saves must have seen of the user."""
    return f"{_provider(view)}|{view.decision.action}"


def _faults(asked: Asked, known: list[BridgeNumber]) -> Mapping[str, str]:
    """Return what is wrong with the form, by field."""
    faults = {}
    if (provider := asked.one("provider")) != MICROSOFT:
        faults["provider"] = f"{provider!r} cannot be chosen, only {MICROSOFT}."
    for name, toll_free in (("toll", False), ("toll_free", True)):
        number = asked.one(name)
        fitting = {each.number for each in known if each.toll_free is toll_free}
        if number and number not in fitting:
            faults[name] = f"{number!r} is on no bridge of the tenant (any more): choose another."
    return faults


def _waits(view: UserView, now: datetime) -> Node:
    if view.waiting is None:
        return None
    return [dt["Tried again"], dd[moment(view.waiting.due, now), ": ", view.waiting.reason]]


async def _form(app: "App", view: UserView, asked: Asked) -> Node:
    if not asked.person.may_write:
        return None
    teams = app.adapters.teams
    try:
        known, providers, switches = await asyncio.gather(
            teams.bridge_numbers(), teams.providers(), teams.switches()
        )
    except ConflictError as error:  # the documented calls change nobody
        return section[h2["Audio conferencing"], p(".note")[f"{error}."]]
    provider = _provider(view)
    blocked = view.decision.action in (Action.UNLICENSED, Action.EXCLUDED, Action.WAIT)
    return section[
        h2["Audio conferencing"],
        form(".fields", method="post", action=f"{BASE}/users/{view.directory.id}/save")[
            once(),
            input(type="hidden", name="seen", value=_seen(view)),
            label(for_="provider")["Provider name"],
            select("#provider", name="provider", aria_describedby="provider-note")[
                option(value=MICROSOFT, selected=True)[MICROSOFT],
                (
                    option(value=each.name, disabled=True)[
                        f"{each.name} (now)" if each.name == provider else each.name
                    ]
                    for each in providers
                ),
            ],
            p("#provider-note.note")[
                "Only Microsoft can be chosen: third-party providers ended in Teams in 2019."
            ],
            fault(asked, "provider"),
            _numbers("toll", "Default toll number", known, asked),
            _numbers("toll_free", "Default toll-free number", known, asked),
            div(".check")[
                input(
                    "#mail",
                    type="checkbox",
                    name="mail",
                    value="yes",
                    checked=asked.one("mail") == "yes",
                ),
                label(for_="mail")["Mail the user the numbers and the PIN"],
            ],
            reasons.fields(asked, "save"),
            _told(view, switches),
            blocked and p(".banner.todo")[f"Nothing will be changed now: {view.decision.reason}."],
            div(".actions")[
                button(".primary", type="submit")["Save"],
                a(".button", href=f"{BASE}/users/{view.directory.id}")["Check again"],
            ],
        ],
    ]


def _told(view: UserView, switches: TenantSwitches | None) -> Node:
    """Return the side effects of saving, where it moves the user."""
    if view.decision.action not in (Action.REPLACE, Action.ENABLE):
        return None
    replaces = "The conference ID and the numbers are replaced, after the old ones are saved."
    replaced = [replaces] if view.decision.action is Action.REPLACE else []
    return p(".note")[" ".join(["What saving does:", *replaced, *effects(switches)])]


def _numbers(name: str, text: str, known: list[BridgeNumber], asked: Asked) -> Node:
    fitting = {each.number: each for each in known if each.toll_free is (name == "toll_free")}
    chosen = asked.one(name)
    texts = {
        number: f"{number} ({each.place})" if each.place else number
        for number, each in sorted(fitting.items(), key=lambda pair: (pair[1].place, pair[0]))
    }
    if chosen:
        texts.setdefault(chosen, chosen)
    return [
        label(for_=name)[text],
        select(f"#{name}", marks(asked, name), name=name)[
            option(value="")["As the rules or the service choose"],
            (option(value=each, selected=each == chosen)[shown] for each, shown in texts.items()),
        ],
        fault(asked, name),
    ]


def _saved(view: UserView, asked: Asked, *, shown: bool) -> Element:
    if not view.saved:
        return section[h2["Saved numbers"], p(".empty")["Nothing of this user was replaced."]]
    reveal_form = form(
        ".decision", method="post", action=f"{BASE}/users/{view.directory.id}/saved"
    )[
        once(),
        reasons.fields(asked, "reveal", "saved"),
        div(".actions")[button(type="submit")["Show conference IDs"]],
    ]
    return section[
        h2["Saved numbers"],
        rows(
            "Saved numbers",
            ("Provider", "Toll number", "Toll-free number", "Conference ID", "Saved"),
            (line for record in view.saved for line in _lines(record, shown=shown)),
            "",
        ),
        asked.person.may_write and not shown and reveal_form,
    ]


def _lines(record: ReplacedProvider, *, shown: bool) -> list[tuple[Node, ...]]:
    saved = f"{record.saved_at:%Y-%m-%d %H:%M} UTC"
    return [
        (
            entry.name,
            entry.toll_number,
            entry.toll_free_number,
            entry.passcode if shown else _MASKED,
            saved,
        )
        for entry in record.entries
    ]


def _provider(view: UserView) -> str:
    return view.service.provider.name if view.service and view.service.provider else ""
