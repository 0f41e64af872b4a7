"""Operations on runs: begin one, look at them, let a held sweep go."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared.api.answers import Reply, as_csv, read
from shared.api.models import MoveRequest, ResultPage, ResultView, RunList, RunView
from shared.errors import InputError, TooLargeError
from shared.userlists.names import distinct

if TYPE_CHECKING:
    from shared.desk import Desk

_LARGEST: Final = 16 * 2**20
_LONGEST_KEY: Final = 200
_MONTHS: Final = 2
_PAGE: Final = 1_000
_COLUMNS: Final = ("user", "outcome", "provider_before", "reason", "id")


async def begin(desk: "Desk", body: bytes, key: str | None) -> Reply:
    """Begin a run; 202 with its address. The same idempotency key answers with the same run."""
    if len(body) > _LARGEST:
        raise TooLargeError(f"the body has {len(body):,} bytes; at most {_LARGEST:,} are taken")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise InputError(f"Idempotency-Key: 1 to {_LONGEST_KEY} characters are needed")
    wish = read(MoveRequest, body)
    if wish.users is not None:
        names = list(distinct(wish.users))
        run = await desk.queued.accept_users(names, dry_run=wish.dry_run, key=key)
    else:
        provider = await _known_provider(desk, wish.provider)
        run = await desk.queued.accept_provider(provider, dry_run=wish.dry_run, key=key)
    return Reply(RunView.of(run), HTTPStatus.ACCEPTED, {"Location": f"/api/runs/{run.id}"})


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


async def _known_provider(desk: "Desk", provider: str | None) -> str | None:
    """Return the provider as the tenant spells it; InputError lists those that the tenant knows."""
    if provider is None:
        return None
    known = [each.name for each in await desk.app.teams.providers()]
    for name in known:
        if name.casefold() == provider.strip().casefold():
            return name
    raise InputError(f"provider: the tenant knows {', '.join(known) or 'none'}, not {provider!r}")
