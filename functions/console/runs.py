"""Runs: what was asked, how far it is, and what happened to each user, failures first."""

from dataclasses import replace
from http import HTTPStatus
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
    p,
    section,
    ul,
)
from htpy import progress as bar

from functions.console import held
from functions.console.door import Asked, File, Goto, Page
from functions.console.download import packed_csv
from functions.console.parts import count, moment, once, rows, state
from functions.console.session import BASE
from shared.domain.outcome import Outcome, UserResult
from shared.domain.progress import OPEN, done, expected
from shared.domain.run import Run
from shared.errors import ConflictError
from shared.services.admin.reasons import LONGEST_NOTE, because
from shared.services.move_requests.retrying import retry_request

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_MONTHS: Final = 2
_SHOWN: Final = 200
_REFRESH: Final = 3
_ORDER: Final = (Outcome.FAILED, Outcome.NOT_FOUND, Outcome.WAITING)


async def show_all(app: "App", _: Asked) -> Page:
    """Show the runs of this month and the one before, the newest first."""
    now = app.adapters.clock.now()
    found = [run async for run in app.run_history.runs(_MONTHS)]
    table = rows(
        "Runs",
        ("Run", "Kind", "State", "Started", "Users"),
        (
            (
                a(href=f"{BASE}/runs/{run.id}")[run.id],
                str(run.cause).replace("_", " "),
                state(run.state),
                moment(run.started_at, now),
                f"{run.counts.get('users', 0):,}",
            )
            for run in found
        ),
        "There is no run yet. A sweep, a list of users or a dry run makes one.",
    )
    return Page("Runs", "runs", table)


async def show(app: "App", asked: Asked) -> Page:
    """Show one run."""
    return await _page(app, asked)


async def release(app: "App", asked: Asked) -> Goto | Page:
    """Release held users; where somebody else decided meanwhile, say so and show the run as it is now."""
    try:
        return await held.release(app, asked)
    except ConflictError as error:
        return await _page(app, asked, stale=str(error))


async def discard(app: "App", asked: Asked) -> Goto | Page:
    """Discard held users; as for a release."""
    try:
        return await held.discard(app, asked)
    except ConflictError as error:
        return await _page(app, asked, stale=str(error))


async def cancel(app: "App", asked: Asked) -> Goto | Page:
    """Cancel a run; where it has ended meanwhile, say so and show how."""
    try:
        run = await app.canceller.cancel_run(
            asked.parts[1], because(asked.by, note=asked.one("note"))
        )
    except ConflictError as error:
        return await _page(app, asked, stale=str(error))
    return Goto(f"runs/{run.id}")


async def _page(app: "App", asked: Asked, *, stale: str = "") -> Page:
    run = await app.run_history.run(asked.parts[1])
    is_open = run.state in OPEN
    content = [
        stale and p(".banner.todo", role="alert")[f"Nothing was done: {stale}."],
        dl(".facts")[
            dt["Kind"],
            dd[str(run.cause).replace("_", " ")],
            dt["Started"],
            dd[moment(run.started_at, app.adapters.clock.now())],
            run.requested_by and [dt["Requested by"], dd[run.requested_by]],
            run.decided_by and [dt["Decided by"], dd[run.decided_by]],
            run.ticket and [dt["Ticket"], dd[run.ticket]],
            run.note and [dt["Note"], dd[run.note]],
        ],
        await _progress(app, run),
        is_open and asked.person.may_write and _cancelling(run),
        await held.held_users(app, run, asked),
        h2["Users"],
        await _results(app, run, asked),
    ]
    status = HTTPStatus.CONFLICT if stale else HTTPStatus.OK
    return Page(f"Run {run.id}", "runs", content, status, refresh=_REFRESH if is_open else None)


async def progress(app: "App", asked: Asked) -> Page:
    """Show the part of a run's page that changes while it goes on."""
    run = await app.run_history.run(asked.parts[1])
    return Page("", "runs", await _progress(app, run), part=True)


async def download(app: "App", asked: Asked) -> File:
    """Return a run's results as CSV."""
    run = await app.run_history.run(asked.parts[1])
    lines = (
        (each.upn, str(each.outcome), each.old_provider or "", each.reason, each.user_id)
        async for each in app.adapters.runs.results(run.id)
    )
    packed = await packed_csv(("User", "What happened", "Provider before", "Why", "Id"), lines)
    return File(f"{run.id}.csv", "text/csv", packed)


async def retry(app: "App", asked: Asked) -> Goto:
    """Begin a run over those users of a run who failed."""
    run = await app.run_history.run(asked.parts[1])
    asked_again = await retry_request(app.adapters.runs, app.adapters.move_requests, run)
    options = replace(asked_again.options, expected=asked_again.named)
    request = await app.validated(replace(asked_again, options=options))
    begun = await app.move_requests.accept(request, asked.one("key") or None, asked.by)
    return Goto(f"runs/{begun.id}")


async def _progress(app: "App", run: Run) -> Element:
    run = await app.run_outcomes.shown(run)
    counts = dict(run.counts)
    total, seen = expected(run), done(run)
    counts.pop("users", 0)
    is_open = run.state in OPEN
    again = {
        "hx-get": f"{BASE}/runs/{run.id}/progress",
        "hx-trigger": f"every {_REFRESH}s",
        "hx-swap": "outerHTML",
    }
    return div("#progress", again if is_open else {}, role="status")[
        p[state(run.state), f" {run.reason}" if run.reason else ""],
        is_open
        and total > 0
        and [
            p[f"{seen:,} of {count(total, 'user')}"],
            bar(max=str(total), value=str(seen), aria_label="Users done"),
        ],
        ul(".outcomes")[(li[state(name), f" {n:,}"] for name, n in sorted(counts.items()) if n)],
    ]


def _cancelling(run: Run) -> Element:
    return form(".filter", method="post", action=f"{BASE}/runs/{run.id}/cancel")[
        once(),
        label(for_="why")["Cancel this run, because"],
        input("#why", name="note", maxlength=str(LONGEST_NOTE), autocomplete="off"),
        button(type="submit")["Cancel run"],
        p(".note")[
            "A change that has begun is carried through. Everybody else of the run stays as is, and is "
            "listed as cancelled."
        ],
    ]


async def _results(app: "App", run: Run, asked: Asked) -> Element:
    found = [result async for result in app.adapters.runs.results(run.id, at_most=_SHOWN)]
    found.sort(key=_rank)
    listed = rows(
        "Results",
        ("User", "What happened", "Provider before", "Why"),
        (
            (
                a(href=f"{BASE}/users/{result.user_id}")[result.upn or result.user_id],
                state(result.outcome),
                result.old_provider or "",
                result.reason,
            )
            for result in found
        ),
        "No user has a result yet.",
    )
    more = p(".note")[f"The first {_SHOWN} results; the download has all of them."]
    return section[listed, len(found) == _SHOWN and more, _actions(run, found, asked)]


def _actions(run: Run, found: list[UserResult], asked: Asked) -> Node:
    failed = sum(result.outcome is Outcome.FAILED for result in found)
    may_retry = failed > 0 and asked.person.may_write and run.state not in OPEN
    if not found:
        return None
    return div(".actions")[
        a(".button", href=f"{BASE}/runs/{run.id}/results.csv", download=True)["Download CSV"],
        may_retry
        and form(method="post", action=f"{BASE}/runs/{run.id}/retry")[
            once(), button(type="submit")[f"Retry failed ({count(failed, 'user')})"]
        ],
    ]


def _rank(result: UserResult) -> tuple[int, str]:
    order = _ORDER.index(result.outcome) if result.outcome in _ORDER else len(_ORDER)
    return order, result.upn
