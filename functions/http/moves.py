"""Operation on moves: begin a run over users, a CSV file, a provider's users, or all on a third party."""

import asyncio
import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from functions.http.responses import PointedError, Reply, read, read_query
from functions.http.schemas import MOST_USERS, CsvParameters, MoveBody
from shared.domain.move_request import MoveRequest
from shared.errors import InputError, TooLargeError
from shared.userlists.csv_file import BadLine, csv_names
from shared.views import RunView

if TYPE_CHECKING:
    import azure.functions as func

    from shared.bootstrap.services import App

CSV: Final = "text/csv"
_LARGEST: Final = 16 * 2**20
_LONGEST_KEY: Final = 200
_FAULTS_LISTED: Final = 20


async def request_moves(app: "App", req: "func.HttpRequest") -> Reply:
    """Begin a run; 202 with its address. The same idempotency key answers with the same run.

    Body: JSON as `MoveBody`, or, with `Content-Type: text/csv`, a CSV file, whose parameters are in
    the query as `CsvParameters`.
    """
    key = req.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise InputError(f"Idempotency-Key: 1 to {_LONGEST_KEY} characters are needed")
    request = await app.validated(await _read(req))
    run = await app.move_requests.accept(request, key)
    return Reply(RunView.of(run), HTTPStatus.ACCEPTED, {"Location": f"/api/runs/{run.id}"})


async def _read(req: "func.HttpRequest") -> MoveRequest:
    body = req.get_body()
    if len(body) > _LARGEST:
        raise TooLargeError(f"the body has {len(body):,} bytes; at most {_LARGEST:,} are taken")
    if req.headers.get("Content-Type", "").partition(";")[0].strip().casefold() != CSV:
        asked = read(MoveBody, body)
        return asked.request(asked.users, asked.provider)
    parameters = read_query(CsvParameters, req.params)
    # In a thread: a large file must not hold up the notifications that this instance answers.
    return parameters.request(await asyncio.to_thread(from_csv, body, parameters))


def from_csv(body: bytes, parameters: CsvParameters, most: int = MOST_USERS) -> list[str]:
    """Return the names in a CSV file; PointedError lists the lines that hold none, by number.

    TooLargeError: more than `most` users, or more lines than that without one.
    """
    names: list[str] = []
    bad: list[BadLine] = []
    skipped = 0
    for item in csv_names(io.BytesIO(body), parameters.column):
        if isinstance(item, str):
            names.append(item)
        elif parameters.skip_bad_lines:
            skipped += 1
        else:
            bad.append(item)
        # No more is read than is needed to refuse the file.
        if len(names) > most:
            raise TooLargeError(f"at most {most:,} users are taken at once")
        if skipped > most:
            raise TooLargeError(f"more than {most:,} lines name no user: is it the right file?")
        if len(bad) == _FAULTS_LISTED:
            break
    if bad:
        raise PointedError([(f"/{line.number}", line.reason) for line in bad])
    return names
