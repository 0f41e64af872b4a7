"""Operation on moves: begin a run over users, a CSV file, a provider's users, or all on a third party."""

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from functions.http.auth import requester
from functions.http.move_body import read_request
from functions.http.responses import Reply, read, small_body
from functions.http.schemas import RetryBody
from shared.domain.move_request import MoveRequest
from shared.errors import InputError
from shared.services.admin.reasons import because
from shared.services.move_requests.retrying import retry_request
from shared.views.runs import RunView

if TYPE_CHECKING:
    import azure.functions as func

    from shared.bootstrap.services import App

_LONGEST_KEY: Final = 200


async def request_moves(app: "App", req: "func.HttpRequest") -> Reply:
    """Begin a run; 202 with its address. The same idempotency key answers with the same run.

    Body: JSON as `MoveBody`, or, with `Content-Type: text/csv`, a CSV file, whose parameters are in
    the query as `CsvParameters`.
    """
    return await _begin(app, req, await read_request(req))


async def retry_run(app: "App", req: "func.HttpRequest") -> Reply:
    """Begin a run over those users of another who failed; 202 as for a request."""
    body = await read(RetryBody, small_body(req) or b"{}")
    failed = await app.run_history.run(req.route_params["run"])
    to = app.adapters
    request = await retry_request(to.runs, to.move_requests, failed, body.expected)
    request = replace(request, ticket=body.ticket or "", note=body.note or "")
    return await _begin(app, req, request)


async def _begin(app: "App", req: "func.HttpRequest", request: MoveRequest) -> Reply:
    key = req.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise InputError(f"Idempotency-Key: 1 to {_LONGEST_KEY} characters are needed")
    request = await app.validated(request)
    by = because(requester(req), request.ticket, request.note)
    run = await app.move_requests.accept(request, key, by)
    pause = None if request.dry_run else await app.pauses.current()
    return Reply(RunView.of(run, pause), HTTPStatus.ACCEPTED, {"Location": f"/api/runs/{run.id}"})
