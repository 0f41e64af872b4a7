"""Operations on runs: look at them and their results, let a held sweep go."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared.api.answers import Reply, as_csv
from shared.api.models import ResultPage, ResultView, RunList, RunView

if TYPE_CHECKING:
    from shared.desk import Desk

_MONTHS: Final = 2
_PAGE: Final = 1_000
_COLUMNS: Final = ("user", "outcome", "provider_before", "reason", "id")


async def listed(desk: "Desk") -> Reply:
    """List the runs of this month and the one before."""
    return Reply(RunList(runs=[RunView.of(run) async for run in desk.reports.runs(_MONTHS)]))


async def shown(desk: "Desk", run_id: str) -> Reply:
    """Show one run with its counts so far."""
    run = await desk.reports.run(run_id)
    view = RunView.of(run)
    if run.state == "running" and run.cause in ("request", "preview"):
        view.counts = {**view.counts, **await desk.requester.outcomes(run.id)}
    return Reply(view)


async def results(desk: "Desk", run_id: str, after: str, accept: str) -> Reply:
    """Give the results of a run: JSON page by page, or all of them as CSV."""
    run = await desk.reports.run(run_id)
    if "text/csv" in accept.casefold():
        rows = [
            ResultView.of(result).model_dump() async for result in desk.app.runs.results(run.id)
        ]
        return Reply(text=as_csv(rows, _COLUMNS), media_type="text/csv")
    found = [
        result async for result in desk.app.runs.results(run.id, after=after, at_most=_PAGE + 1)
    ]
    page = [ResultView.of(result) for result in found[:_PAGE]]
    more = len(found) > _PAGE
    next_page = f"/api/runs/{run.id}/results?after={quote(page[-1].id)}" if more else None
    return Reply(ResultPage(results=page, next=next_page))


async def released(desk: "Desk", run_id: str) -> Reply:
    """Let a held sweep go on; its users are queued within a minute."""
    run = await desk.app.sweeper.release(run_id)
    return Reply(RunView.of(run), HTTPStatus.ACCEPTED)
