"""Operations on runs: show them and their results, release or discard the users whom they hold."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from functions.http.auth import requester
from functions.http.responses import (
    Reply,
    as_csv,
    next_page,
    query_of,
    read,
    read_query,
    small_body,
)
from functions.http.schemas import (
    HeldBody,
    HeldDecision,
    HeldList,
    Paging,
    Reason,
    ResultPage,
    ResultParameters,
    RunList,
)
from shared.domain.held import HeldSelection
from shared.domain.pause import RequestedBy
from shared.domain.progress import OPEN
from shared.domain.run import Signal
from shared.services.admin.reasons import because
from shared.views.runs import DetailView, ResultView, RunView, SideEffectsView, WaitsView
from shared.views.users import HeldView

if TYPE_CHECKING:
    import azure.functions as func

    from shared.bootstrap.services import App

_REQUESTED: Final = frozenset({Signal.REQUEST, Signal.PREVIEW})
_PAGE: Final = 1_000
_DETAILED: Final = 100
"""Results with names and numbers on a page: each moved user costs a call to Teams."""

_COLUMNS: Final = ("user", "outcome", "provider_before", "reason", "id")


async def list_runs(app: "App", req: "func.HttpRequest") -> Reply:
    """List the runs, the newest first, page by page."""
    return await _listed(app, req, "runs")


async def list_moves(app: "App", req: "func.HttpRequest") -> Reply:
    """List the move requests, dry runs included, in the same way."""
    return await _listed(app, req, "moves", _REQUESTED)


async def _listed(
    app: "App", req: "func.HttpRequest", path: str, signals: frozenset[Signal] = frozenset(Signal)
) -> Reply:
    asked = read_query(Paging, query_of(req.url))
    runs, more = await app.run_history.page(asked.top, asked.after, signals)
    views = [RunView.of(run) for run in runs]
    return Reply(RunList(runs=views, next=next_page(path, more, asked.top)))


async def show_run(app: "App", req: "func.HttpRequest") -> Reply:
    """Show one run with its counts so far."""
    run = await app.run_outcomes.shown(await app.run_history.run(req.route_params["run"]))
    view = RunView.of(run)
    if run.state not in OPEN:
        view.waits = WaitsView.of(await app.run_waits.of(run))
    if effects := await app.effects.of(run):
        view.side_effects = SideEffectsView.of(effects)
    return Reply(view)


async def show_results(app: "App", req: "func.HttpRequest") -> Reply:
    """Show the results of a run: JSON page by page, or all of them as CSV."""
    run = await app.run_history.run(req.route_params["run"])
    known = app.adapters.runs
    if "text/csv" in req.headers.get("Accept", "").casefold():
        rows = [ResultView.of(result).model_dump() async for result in known.results(run.id)]
        return Reply(text=as_csv(rows, _COLUMNS), media_type="text/csv")
    asked = read_query(ResultParameters, query_of(req.url))
    most = min(asked.top or _PAGE, _DETAILED if asked.details else _PAGE)
    found = [result async for result in known.results(run.id, asked.after, most + 1)]
    more = found[most - 1].user_id if len(found) > most else None
    also = {"details": "true"} if asked.details else {}
    following = next_page(f"runs/{run.id}/results", more, most, **also)
    if not asked.details:
        return Reply(ResultPage(results=list(map(ResultView.of, found[:most])), next=following))
    details = [each async for each in app.result_details.of(found[:most])]
    return Reply(ResultPage(results=[DetailView.of(run, each) for each in details], next=following))


async def release_run(app: "App", req: "func.HttpRequest") -> Reply:
    """Release held users of a run; they are queued within a minute."""
    run, users = await app.releases.release_run(*await _decision(req))
    view = RunView.of(run, await app.pauses.current())
    return Reply(HeldDecision(run=view, users=users), HTTPStatus.ACCEPTED)


async def discard_run(app: "App", req: "func.HttpRequest") -> Reply:
    """Take held users off a run's list."""
    run, users = await app.releases.discard_run(*await _decision(req))
    return Reply(HeldDecision(run=RunView.of(run), users=users))


async def cancel_run(app: "App", req: "func.HttpRequest") -> Reply:
    """Cancel a run: what was begun is finished, nobody else of it is changed."""
    body = await read(Reason, small_body(req) or b"{}")
    by = because(requester(req), body.ticket, body.note)
    return Reply(RunView.of(await app.canceller.cancel_run(req.route_params["run"], by)))


async def list_held(app: "App", req: "func.HttpRequest") -> Reply:
    """List the users whom the guard holds, all or those of one run."""
    run = req.params.get("run")
    if run:
        await app.run_history.run(run)
    held = app.adapters.held.held_of(run) if run else app.adapters.held.held()
    return Reply(HeldList(users=[HeldView.of(each) async for each in held if not each.released]))


async def _decision(req: "func.HttpRequest") -> tuple[str, RequestedBy, HeldSelection]:
    """Return the run, who decides, and about whom of it."""
    body = await read(HeldBody, small_body(req) or b"{}")
    by = because(requester(req), body.ticket, body.note)
    return req.route_params["run"], by, body.selection()
