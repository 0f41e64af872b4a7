"""Operation on moves: begin a run over users, a CSV file, a provider's users, or all on a third party."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from functions.http.auth import requester
from functions.http.move_body import read_request
from functions.http.responses import Reply
from shared.errors import InputError
from shared.services.admin.reasons import because
from shared.views import RunView

if TYPE_CHECKING:
    import azure.functions as func

    from shared.bootstrap.services import App

_LONGEST_KEY: Final = 200


async def request_moves(app: "App", req: "func.HttpRequest") -> Reply:
    """Begin a run; 202 with its address. The same idempotency key answers with the same run.

    Body: JSON as `MoveBody`, or, with `Content-Type: text/csv`, a CSV file, whose parameters are in
    the query as `CsvParameters`.
    """
    key = req.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise InputError(f"Idempotency-Key: 1 to {_LONGEST_KEY} characters are needed")
    request = await app.validated(await read_request(req))
    by = because(requester(req), request.ticket, request.note)
    run = await app.move_requests.accept(request, key, by)
    pause = None if request.dry_run else await app.pauses.current()
    return Reply(RunView.of(run, pause), HTTPStatus.ACCEPTED, {"Location": f"/api/runs/{run.id}"})
