"""Runs: what was asked, how far it is, and what happened to each user, failures first."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

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
    li,
    p,
    section,
    ul,
)
from htpy import progress as bar

from functions.console import held, reasons
from functions.console.advice import advice
from functions.console.asked import Asked, File, Goto, Page
from functions.console.download import as_file
from functions.console.once import first_time, run_begun
from functions.console.parts import WORDS, moment, once, rows, state, user_link
from functions.console.session import BASE
from shared.domain.move_request import MoveRequest
from shared.domain.outcome import Outcome, UserResult
from shared.domain.progress import OPEN, done, expected
from shared.domain.run import Run, RunState
from shared.errors import ConflictError
from shared.services.move_requests.options import options_of
from shared.services.move_requests.retrying import failed_users
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_RUNS: Final = 100
_SHOWN: Final = 200
_REFRESH: Final = 2
_COLUMNS: Final = ("User", "What happened", "Provider before", "Why", "Id")
_SEEN: Final = {
    "already": "on Microsoft already",
    "enable": "without a provider",
    "replace": "on a third party",
    "queued": "to be moved",
    "saved": "entries saved",
    "set_number": "with another default number",
    "names": "names given",
}
"""What a sweep counts besides outcomes, in words."""
_ORDER: Final = (Outcome.FAILED, Outcome.NOT_FOUND, Outcome.WAITING)


async def show_all(app: "App", asked: Asked) -> Page:
    """Show the runs of this month and the one before, the newest first, a page at a time."""
    now = app.adapters.clock.now()
    found = await app.adapters.runs.newest(now, _RUNS + 1, asked.query.get("before", ""))
    table = rows(
        "Runs",
        ("Run", "Kind", "State", "Started", "Users", "Requested by", "Why"),
        (
            (
                a(href=f"{BASE}/runs/{run.id}")[run.id],
                str(run.cause).replace("_", " "),
                state(run.state),
                moment(run.started_at, now),
                f"{run.counts.get('users', 0):,}",
                run.requested_by or "the app itself",
                ": ".join(text for text in (run.ticket, run.note) if text),
            )
            for run in found[:_RUNS]
        ),
        "There is no run yet. A sweep, a list of users or a dry run makes one.",
    )
    older = (
        f"{BASE}/runs?{urlencode({'before': found[_RUNS - 1].id})}" if len(found) > _RUNS else ""
    )
    return Page("Runs", "runs", [table, older and p(".pager")[a(href=older)["Older runs"]]])


async def show(app: "App", asked: Asked) -> Page:
    """Show one run."""
    run = await app.run_history.run(asked.parts[1])
    is_open = run.state in OPEN
    content = [
        dl(".facts")[
            dt["Kind"],
            dd[str(run.cause).replace("_", " ")],
            dt["Started"],
            dd[moment(run.started_at, app.adapters.clock.now())],
            run.requested_by and [dt["Requested by"], dd[run.requested_by]],
            run.decided_by and [dt["Decided by"], dd[run.decided_by]],
            run.ticket and [dt["Ticket"], dd[run.ticket]],
            run.note and [dt["Reason"], dd[run.note]],
        ],
        await _progress(app, run),
        is_open and asked.person.may_write and _cancelling(run, asked),
        await held.held_users(app, run, asked),
        h2["Users"],
        await _results(app, run, asked),
    ]
    return Page(f"Run {run.id}", "runs", content, refresh=_REFRESH if is_open else None)


async def cancel(app: "App", asked: Asked) -> Goto:
    """Cancel a run. ConflictError: it has ended meanwhile, or somebody else has cancelled it."""
    by, run_id = reasons.given(asked), asked.parts[1]
    async with first_time(app, asked) as first:
        if first:
            run = await app.run_history.run(run_id)
            if run.state is RunState.CANCELLED:
                raise ConflictError(f"run {run_id!r} is cancelled already, by {run.decided_by}")
            await app.canceller.cancel_run(run_id, by)
    return Goto(f"runs/{run_id}")


async def progress(app: "App", asked: Asked) -> Page:
    """Show the part of a run's page that changes while it goes on."""
    run = await app.run_history.run(asked.parts[1])
    return Page("", "runs", await _progress(app, run), part=True)


async def download(app: "App", asked: Asked) -> File:
    """Return a run's results as a file."""
    run = await app.run_history.run(asked.parts[1])
    return await as_file(run.id, asked, _COLUMNS, _lines(app, run))


async def _lines(app: "App", run: Run) -> AsyncIterator[Sequence[object]]:
    async for each in app.adapters.runs.results(run.id):
        yield each.upn, str(each.outcome), each.old_provider or "", each.reason, each.user_id


async def retry(app: "App", asked: Asked) -> Goto:
    """Begin a run over those users of a run who failed.

    ConflictError: nobody, or others than were shown. ServiceError: Teams does not answer.
    """
    if begun := await run_begun(app, asked):
        return Goto(f"runs/{begun}")
    by = reasons.given(asked)
    run = await app.run_history.run(asked.parts[1])
    users = await failed_users(app.adapters.runs, run.id)
    if not users:
        raise ConflictError(f"run {run.id!r} has no failed user any more")
    if asked.one("expected") not in ("", str(len(users))):
        raise ConflictError(
            f"{asked.one('expected')} users had failed, and now {len(users):,} have"
        )
    await app.adapters.teams.switches()  # while Teams is away they would only fail again
    kept = await options_of(app.adapters.move_requests, run.id, users)
    request = MoveRequest(tuple(users), options=replace(kept, expected=len(users)))
    request = await app.validated(request)
    begun_run = await app.move_requests.accept(request, asked.one("key"), by)
    return Goto(f"runs/{begun_run.id}")


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
            p[f"{seen:,} of {counted(total, 'user')}"],
            bar(max=str(total), value=str(seen), aria_label="Users done"),
        ],
        ul(".outcomes")[
            (
                li[
                    state(name) if name in WORDS else _SEEN.get(name, name.replace("_", " ")),
                    f" {n:,}",
                ]
                for name, n in sorted(counts.items())
                if n
            )
        ],
    ]


def _cancelling(run: Run, asked: Asked) -> Element:
    return form(".decision", method="post", action=f"{BASE}/runs/{run.id}/cancel")[
        once(),
        reasons.fields(asked, "cancel", note="Cancel this run, because"),
        div(".actions")[button(type="submit")["Cancel run"]],
        p(".note")[
            "A change that has begun is carried through. Everybody else of the run stays as is, and is "
            "listed as cancelled."
        ],
    ]


async def _results(app: "App", run: Run, asked: Asked) -> Element:
    found = await _first(app, run)
    listed = rows(
        "Results",
        ("User", "What happened", "Provider before", "Why", "What to do"),
        (
            (
                user_link(result.user_id, result.upn),
                state(result.outcome),
                result.old_provider or "",
                result.reason,
                advice(result.outcome, result.reason),
            )
            for result in found
        ),
        "No user has a result yet.",
    )
    more = p(".note")[f"{_SHOWN} results, failures first; the download has all of them."]
    return section[listed, len(found) == _SHOWN and more, _actions(run, found, asked)]


async def _first(app: "App", run: Run) -> list[UserResult]:
    """Return the results to show, failures first; of a long run they are looked for."""
    results = app.adapters.runs
    found = [result async for result in results.results(run.id, at_most=_SHOWN)]
    if len(found) == _SHOWN:
        found = [*await results.failures(run.id, _SHOWN), *found]
        found = list({each.user_id: each for each in found}.values())
    return sorted(found, key=_rank)[:_SHOWN]


def _actions(run: Run, found: list[UserResult], asked: Asked) -> Node:
    failed = sum(result.outcome is Outcome.FAILED for result in found)
    may_retry = failed > 0 and asked.person.may_write and run.state not in OPEN
    if not found:
        return None
    files = f"{BASE}/runs/{run.id}/results"
    return [
        div(".actions")[
            a(".button", href=f"{files}.csv", download=True)["Download CSV"],
            a(".button", href=f"{files}.xlsx", download=True)["Download XLSX"],
        ],
        may_retry
        and form(".decision", method="post", action=f"{BASE}/runs/{run.id}/retry")[
            once(),
            input(type="hidden", name="expected", value=str(failed) if failed < _SHOWN else ""),
            reasons.fields(asked, "retry"),
            div(".actions")[button(type="submit")[f"Retry failed ({counted(failed, 'user')})"]],
            p(".note")[
                "They are moved as if for the first time: read anew, their conference IDs replaced after "
                "they are saved, mails and meetings as the tenant is set."
            ],
        ],
    ]


def _rank(result: UserResult) -> tuple[int, str]:
    order = _ORDER.index(result.outcome) if result.outcome in _ORDER else len(_ORDER)
    return order, result.upn
