"""What a request to move users asks for: a JSON body, or a CSV file with parameters in the address."""

import asyncio
import io
from typing import TYPE_CHECKING, Final

from functions.http.responses import PointedError, query_of, read, read_query, small_body
from functions.http.schemas import MOST_USERS, CsvParameters, MoveBody
from shared.domain.move_request import MoveRequest
from shared.domain.options import TOLL, TOLL_FREE
from shared.errors import MediaTypeError, TooLargeError
from shared.userlists.csv_file import BadLine, CsvUser, csv_users, own_numbers
from shared.userlists.names import shown

if TYPE_CHECKING:
    import azure.functions as func

CSV: Final = "text/csv"
_CSV_TYPES: Final = frozenset(
    {
        CSV,
        "application/csv",
        "text/x-csv",
        "text/comma-separated-values",
        "application/vnd.ms-excel",
    }
)
"""What a CSV file is called; by the last name Windows with Excel sends it."""

_JSON_TYPES: Final = frozenset({"", "application/json", "text/json"})
_FAULTS_LISTED: Final = 20


async def read_request(req: "func.HttpRequest") -> MoveRequest:
    """Return what a request asks for; InputError: it is malformed, or of a type that is not read.

    A request without a content type is read as JSON.
    """
    body = small_body(req)
    query = query_of(req.url)
    media_type = req.headers.get("Content-Type", "").partition(";")[0].strip().casefold()
    if media_type not in _CSV_TYPES:
        if media_type not in _JSON_TYPES:
            raise MediaTypeError(
                f"Content-Type {shown(media_type)}: application/json or {CSV} is needed, with the "
                "JSON or the file as the body"
            )
        if query:
            # A dry run that stands in the wrong place must never be carried out as a real one.
            wrong = "with a JSON body, parameters are fields of the body"
            raise PointedError([(f"/{name}", wrong) for name in query])
        asked = await read(MoveBody, body)
        return asked.request(asked.users, asked.provider, asked.own_numbers)
    parameters = read_query(CsvParameters, query)
    users = await asyncio.to_thread(from_csv, body, parameters)
    own = own_numbers(users)
    if own and (parameters.service_number or parameters.toll_free_number):
        wrong = f"the file has numbers of single users ({TOLL}, {TOLL_FREE}): leave one of them out"
        name = "service_number" if parameters.service_number else "toll_free_number"
        raise PointedError([(f"/{name}", wrong)])
    return parameters.request([user.name for user in users], own_numbers=own)


def from_csv(body: bytes, parameters: CsvParameters, most: int = MOST_USERS) -> list[CsvUser]:
    """Return the users in a CSV file; PointedError lists the lines that hold none, by number.

    TooLargeError: more than `most` users, or more lines than that without one.
    """
    users: list[CsvUser] = []
    bad: list[BadLine] = []
    skipped = 0
    for item in csv_users(io.BytesIO(body), parameters.column):
        if isinstance(item, CsvUser):
            users.append(item)
        elif parameters.skip_bad_lines:
            skipped += 1
        else:
            bad.append(item)
        # No more is read than is needed to refuse the file.
        if len(users) > most:
            raise TooLargeError(f"at most {most:,} users are taken at once")
        if skipped > most:
            raise TooLargeError(f"more than {most:,} lines name no user: is it the right file?")
        if len(bad) == _FAULTS_LISTED:
            break
    if bad:
        raise PointedError([(f"/{line.number}", line.reason) for line in bad])
    return users
