"""A user's page: why the user is where he is, provider and numbers to save, what was replaced."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

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
    li,
    ol,
    option,
    p,
    section,
    select,
)

from functions.console.door import Asked, Goto, Page
from functions.console.parts import moment, once, rows, state
from functions.console.session import BASE
from shared.domain.bridges import BridgeNumber
from shared.domain.decision import Action
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.run import RunState
from shared.domain.saved import ReplacedProvider
from shared.domain.user import MICROSOFT
from shared.errors import InputError
from shared.services.admin.user_view import UserView
from shared.userlists.names import user_name

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_REFRESH: Final = 2
_MASKED: Final = "••••••"


async def show(app: "App", asked: Asked) -> Page:
    """Show a user as Graph and Teams report it now."""
    return await _page(app, asked, shown=False)


async def reveal(app: "App", asked: Asked) -> Page:
    """Show the page with the saved conference IDs."""
    return await _page(app, asked, shown=True)


async def save(app: "App", asked: Asked) -> Goto:
    """Begin to set Microsoft as the user's provider, with the numbers that were chosen."""
    view = await app.user_reader.show(user_name(asked.parts[1]))
    provider = asked.one("provider")
    if provider != MICROSOFT:
        raise InputError(f"Provider name {provider!r}: only {MICROSOFT} can be chosen")
    options = MoveOptions(
        send_email=asked.one("mail") == "yes",
        service_number=asked.one("toll") or None,
        toll_free_number=asked.one("toll_free") or None,
    )
    request = MoveRequest((view.directory.id,), options=options)
    run = await app.move_requests.accept(await app.validated(request), asked.one("key") or None)
    return Goto(f"users/{view.directory.id}?run={run.id}")


async def progress(app: "App", asked: Asked) -> Page:
    """Show how far the saving is."""
    part = await _saving(app, asked.parts[1], asked.query.get("run", ""))
    return Page("", "users", part, part=True)


async def _page(app: "App", asked: Asked, *, shown: bool) -> Page:
    view = await app.user_reader.show(user_name(asked.parts[1]))
    run = asked.query.get("run", "")
    person, known = view.directory, view.known
    now = app.adapters.clock.now()
    content = [
        await _saving(app, person.id, run) if run else None,
        dl(".facts")[
            dt["Address"],
            dd[person.upn],
            dt["License"],
            dd[f"audio conferencing: {person.plan_status or 'none'}"],
            dt["Provider"],
            dd[_provider(view) or "none"],
            dt["What follows"],
            dd[state(_word(view.decision.action)), " ", view.decision.reason],
            dt["Last look"],
            dd[moment(known.looked_at if known else None, now)],
            _waits(view, now),
        ],
        await _form(app, view, asked),
        _saved(view, asked, shown=shown),
    ]
    return Page(person.name or person.upn, "users", content, refresh=_REFRESH if run else None)


def _waits(view: UserView, now: datetime) -> Node:
    if view.waiting is None:
        return None
    return [dt["Tried again"], dd[moment(view.waiting.due, now), ": ", view.waiting.reason]]


async def _form(app: "App", view: UserView, asked: Asked) -> Node:
    if not asked.person.may_write:
        return None
    known = await app.adapters.teams.bridge_numbers()
    provider = _provider(view)
    others = [each.name for each in await app.adapters.teams.providers()]
    blocked = view.decision.action in (Action.UNLICENSED, Action.EXCLUDED, Action.WAIT)
    return section[
        h2["Audio conferencing"],
        form(".fields", method="post", action=f"{BASE}/users/{view.directory.id}/save")[
            once(),
            label(for_="provider")["Provider name"],
            select("#provider", name="provider", aria_describedby="provider-note")[
                option(value=MICROSOFT, selected=True)[MICROSOFT],
                (
                    option(value=name, disabled=True)[f"{name} (now)" if name == provider else name]
                    for name in others
                ),
            ],
            p("#provider-note.note")[
                "Only Microsoft can be chosen: third-party providers ended in Teams in 2019."
            ],
            _numbers("toll", "Default toll number", known, toll_free=False),
            _numbers("toll_free", "Default toll-free number", known, toll_free=True),
            div(".check")[
                input("#mail", type="checkbox", name="mail", value="yes"),
                label(for_="mail")["Mail the user the numbers and the PIN"],
            ],
            blocked and p(".banner.todo")[f"Nothing will be changed now: {view.decision.reason}."],
            div(".actions")[
                button(".primary", type="submit")["Save"],
                a(".button", href=f"{BASE}/users/{view.directory.id}")["Check again"],
            ],
        ],
    ]


def _numbers(name: str, text: str, known: list[BridgeNumber], *, toll_free: bool) -> Node:
    fitting = sorted(each.number for each in known if each.toll_free is toll_free)
    return [
        label(for_=name)[text],
        select(f"#{name}", name=name)[
            option(value="")["As the rules or the service choose"],
            (option(value=number)[number] for number in fitting),
        ],
    ]


def _saved(view: UserView, asked: Asked, *, shown: bool) -> Element:
    if not view.saved:
        return section[h2["Saved numbers"], p(".empty")["Nothing of this user was replaced."]]
    reveal_form = form(method="post", action=f"{BASE}/users/{view.directory.id}/saved")[
        button(type="submit")["Show conference IDs"]
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


async def _saving(app: "App", user: str, run_id: str) -> Element:
    """Return how far the run of this one user is: saved, set, verified."""
    run = await app.run_history.run(run_id)
    results = [each async for each in app.adapters.runs.results(run.id, at_most=1)]
    done = run.state in (RunState.FINISHED, RunState.FAILED) and bool(results)
    again = {
        "hx-get": f"{BASE}/users/{user}/progress?run={run.id}",
        "hx-trigger": f"every {_REFRESH}s",
        "hx-swap": "outerHTML",
    }
    saved = bool(await app.adapters.replaced.of(user))
    moved = bool(results) and results[0].outcome == "moved"
    return div("#progress", {} if done else again, role="status")[
        ol(".steps")[
            li(class_="done" if saved else None)[
                "Old numbers saved" if saved else "Nothing to save"
            ],
            li(class_="done" if moved else None)["Microsoft set"],
            li(class_="done" if moved and done else None)["Verified"],
        ],
        p[state(results[0].outcome), " ", results[0].reason] if done else p["Working ..."],
        done and p[a(href=f"{BASE}/users/{user}")["Show the user as it is now"]],
    ]


def _provider(view: UserView) -> str:
    return view.service.provider.name if view.service and view.service.provider else ""


def _word(action: Action) -> str:
    return {
        Action.REPLACE: "ready",
        Action.ENABLE: "ready",
        Action.SET_NUMBER: "on_microsoft",
        Action.ALREADY: "on_microsoft",
        Action.WAIT: "waiting",
        Action.UNLICENSED: "unlicensed",
        Action.EXCLUDED: "excluded",
    }[action]
