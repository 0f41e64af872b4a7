"""A CSV file as the body of a request: what is wrong is told, and no more is read than it takes."""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path

import azure.functions as func
import pytest

from functions.http.move_body import from_csv, read_request
from functions.http.responses import LARGEST, PointedError, as_csv, problem
from functions.http.schemas import CsvParameters
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions, OwnNumbers
from shared.errors import InputError, MediaTypeError, TooLargeError

GOOD = b"UPN\n" + b"".join(b"user%d@x.example\n" % number for number in range(3))


def names_in(body: bytes, parameters: CsvParameters) -> list[str]:
    """The names of the users in a file."""
    return [user.name for user in from_csv(body, parameters)]


def test_the_names_of_a_file() -> None:
    """Each line's user, in order; lines that name none are passed over where that is wished."""
    names = [f"user{number}@x.example" for number in range(3)]
    assert names_in(GOOD, CsvParameters()) == names
    assert names_in(GOOD + b"adele\n", CsvParameters(skip_bad_lines=True)) == names


def test_wrong_lines_are_told_up_to_twenty() -> None:
    """Each with its number; of a file that is all wrong the first twenty."""
    with pytest.raises(PointedError) as told:
        from_csv(GOOD + b"adele\n", CsvParameters())
    assert [place for place, _ in told.value.faults] == ["/5"]
    with pytest.raises(PointedError) as told:
        from_csv(GOOD + b"adele\n" * 100, CsvParameters())
    assert len(told.value.faults) == 20


@pytest.mark.parametrize(
    ("line", "said"),
    [(b"a%d@x.example\n", "at most 10 users"), (b"x%d\n", "is it the right file")],
)
def test_too_much_is_refused(line: bytes, said: str) -> None:
    """More users than one request takes, or more lines that name nobody: refused, not handled."""
    body = b"UPN\n" + b"".join(line % number for number in range(11))
    with pytest.raises(TooLargeError, match=said):
        from_csv(body, CsvParameters(skip_bad_lines=True), most=10)


def request(query: str, body: bytes, kind: str) -> func.HttpRequest:
    """A request as Azure hands it on: empty parameters are missing from `params`."""
    return func.HttpRequest(
        "POST",
        f"https://x.example/api/moves{query}",
        headers={"Content-Type": kind},
        params={},
        body=body,
    )


@pytest.mark.parametrize("query", ["?dry_run=true", "?dry_run=", "?dryRun=1", "?code=k&dry-run"])
async def test_parameters_beside_a_json_body_are_refused(query: str) -> None:
    """A dry run asked for in the address of a JSON request is never carried out as a real run."""
    with pytest.raises(PointedError):
        await read_request(request(query, b'{"users": ["a@x.example"]}', "application/json"))


@pytest.mark.parametrize(
    "query", ["?dry_run=", "?dryRun=true", "?dry_run=maybe", "?dry_run=1&dry_run=0"]
)
async def test_a_dry_run_that_is_not_understood_is_refused(query: str) -> None:
    """With a CSV body: an empty, misspelled, doubtful or contradicted parameter is an error."""
    with pytest.raises(PointedError):
        await read_request(request(query, GOOD, "text/csv"))


async def test_a_key_in_the_address_is_no_parameter() -> None:
    """`?code=` opens the API and says nothing about the request."""
    asked = await read_request(
        request("?code=secret", b'{"users": ["a@x.example"]}', "application/json")
    )
    assert asked == MoveRequest(users=("a@x.example",), named=1)


@pytest.mark.parametrize(
    "kind",
    [
        "text/csv; charset=utf-8",
        "Application/CSV",
        "text/x-csv",
        "text/comma-separated-values",
        "application/vnd.ms-excel",
    ],
)
async def test_csv_by_the_names_that_browsers_give_it(kind: str) -> None:
    """K17: Windows sends a CSV file as Excel's type; it is read as what it is."""
    names = tuple(f"user{number}@x.example" for number in range(3))
    asked = await read_request(request("?dry_run=true", GOOD, kind))
    assert asked == MoveRequest(users=names, dry_run=True, named=3)


@pytest.mark.parametrize(
    "kind",
    [
        "application/octet-stream",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain;application/json",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/zip",
    ],
)
async def test_other_types_are_refused_by_name(kind: str) -> None:
    """K17: a body of any other type is not guessed at; the answer names the type and both that are read."""
    with pytest.raises(MediaTypeError) as told:
        await read_request(request("", GOOD, kind))
    assert str(told.value) == (
        f"Content-Type {kind.partition(';')[0]!r}: application/json or text/csv is needed, with the "
        "JSON or the file as the body"
    )


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1"])
async def test_a_workbook_is_no_csv_file(start: bytes) -> None:
    """K17: Excel's own files come with the same type; they are refused with what to do."""
    with pytest.raises(InputError, match="an Excel workbook: save it as CSV UTF-8"):
        await read_request(request("", start + GOOD, "application/vnd.ms-excel"))


@pytest.mark.parametrize("kind", ["", "application/json; charset=utf-8", "text/json"])
async def test_json_by_its_names(kind: str) -> None:
    """A body without a type is JSON, as it always was."""
    assert await read_request(request("", b'{"users": ["sip:a@x.example"]}', kind)) == MoveRequest(
        users=("a@x.example",), named=1
    )


async def test_what_is_repeated_to_the_caller_is_cut() -> None:
    """A field's name of a megabyte is named in the answer, but not repeated in full."""
    body = json.dumps({"x" * 2**20: 1, "users": ["a@x.example"]}).encode()
    request = func.HttpRequest("POST", "https://a.example/api/moves", body=body)
    with pytest.raises(PointedError) as told:
        await read_request(request)
    assert len(problem(told.value).get_body()) < 3_000


def test_the_host_refuses_what_is_larger_than_the_app_takes() -> None:
    """The deployed host's limit is a little above the app's own, which says what is permitted."""
    bicep = (Path(__file__).parents[4] / "infra" / "main.bicep").read_text(encoding="utf-8")
    limit = re.search(r"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '(\d+)'", bicep)
    assert limit
    assert LARGEST < int(limit[1]) < 1.1 * LARGEST


@pytest.mark.parametrize(
    "first", ["-", "+", "=", "'-", "''=", "\uff1d", "\uff0b", "\u2212", "'", "#"]
)
def test_our_own_csv_reads_back_as_written(first: str) -> None:
    """A user whose name begins like a formula, or with apostrophes, is the same user afterwards."""
    name = f"{first}dash.desk@x.example"
    file = as_csv([{"user": name}, {"user": "next@x.example"}], ["user"]).encode()
    assert names_in(file, CsvParameters()) == [name, "next@x.example"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"users": ["a@x.example", " A@X.example ", "b@x.example"]}'),
        ("text/csv", b"UPN\na@x.example\n A@X.example \nb@x.example\n"),
    ],
)
async def test_names_are_counted_as_given(kind: str, body: bytes) -> None:
    """K8: three names, two of them the same; JSON and CSV count alike."""
    asked = await read_request(request("", body, kind))
    assert asked == MoveRequest(users=("a@x.example", "b@x.example"), named=3)


NUMBERS = b"UPN,TollNumber,TollFreeNumber\nAdele@x.example,+15550101,\nalex@x.example,,\n"


async def test_a_file_may_give_each_user_numbers() -> None:
    """As columns of the body; with numbers for everybody in the address it is refused."""
    own = {"adele@x.example": OwnNumbers("+15550101", None, 2)}
    users = ("Adele@x.example", "alex@x.example")
    assert await read_request(request("", NUMBERS, "text/csv")) == MoveRequest(
        users, options=MoveOptions(own_numbers=own), named=2
    )
    with pytest.raises(PointedError) as refused:
        await read_request(request("?toll_free_number=%2B18000101", NUMBERS, "text/csv"))
    assert [place for place, _ in refused.value.faults] == ["/toll_free_number"]


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [
        ({"b@x.example": {"service_number": "+15550101"}}, "'b@x.example' is not in users"),
        ({"a@x.example": {"service_number": "0"}}, "/numbers/a@x.example/service_number"),
        ({"a@x.example": {"toll": "+15550101"}}, "/numbers/a@x.example/toll"),
    ],
)
async def test_numbers_of_single_users_in_json_are_checked(
    numbers: dict[str, object], wrong: str
) -> None:
    """Of users whom the request names, by any case of letters; anything else is refused."""
    with pytest.raises(PointedError) as refused:
        await read_json({"users": ["A@x.example"], "numbers": numbers})
    assert wrong in str(refused.value.faults)


async def test_numbers_of_single_users_in_json() -> None:
    """Or the same for everybody, but not both."""
    numbers = {"a@x.example": {"service_number": "+15550101"}}
    body = {"users": ["A@x.example"], "numbers": numbers}
    asked = await read_json(body)
    assert asked.options.own_numbers == {"a@x.example": OwnNumbers("+15550101")}
    with pytest.raises(PointedError) as refused:
        await read_json({**body, "service_number": "+15550102"})
    assert "are for all" in str(refused.value.faults)


async def read_json(body: Mapping[str, object]) -> MoveRequest:
    """Read a request of this body."""
    return await read_request(request("", json.dumps(body).encode(), "application/json"))


@pytest.mark.parametrize(
    ("body", "kind", "faults"),
    [
        (
            json.dumps({"users": [f"u{n}@x.example" for n in range(30_000)]}).encode(),
            "application/json",
            0,
        ),
        (json.dumps({"users": ["adele"] * 30_000}).encode(), "application/json", 20),
        (b"UPN\n" + b"".join(b"u%d@x.example\n" % n for n in range(10_000)), "text/csv", 0),
    ],
)
async def test_others_are_answered_while_a_body_is_read(
    body: bytes, kind: str, faults: int
) -> None:
    """A large list holds up nobody: it is read beside the event loop, and so is what is wrong with it."""
    reading = asyncio.create_task(read_request(request("", body, kind)))
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    if faults:
        assert isinstance(error := reading.exception(), PointedError)
        assert len(error.faults) == faults
    else:
        assert len((await reading).users or ()) >= 10_000
    assert turns > 10


@pytest.mark.parametrize(
    ("query", "body", "kind"),
    [
        ("?expected=2", GOOD, "text/csv"),
        ("", b'{"users": ["a@x.example"], "expected": 2}', "application/json"),
    ],
)
async def test_how_many_are_expected(query: str, body: bytes, kind: str) -> None:
    """What the caller expects to be changed is what the guard holds the run to."""
    assert (await read_request(request(query, body, kind))).options.expected == 2


async def test_a_name_that_is_none_is_told_in_plain_words() -> None:
    """D14: nothing of the library that checks the data is in what a caller reads."""
    with pytest.raises(PointedError) as told:
        await read_request(request("", b'{"users": ["adele"]}', "application/json"))
    ((place, wrong),) = told.value.faults
    assert (place, wrong.startswith("'adele' names no user")) == ("/users/0", True)


async def test_a_body_of_a_million_parts_is_refused_unread() -> None:
    """Each part costs memory, however short: 4 million took 600 MB of a host."""
    body = b'{"users":[' + b",".join([b'"a"'] * 1_000_000) + b"]}"
    with pytest.raises(TooLargeError, match="999,999 commas; at most 600,000"):
        await read_request(request("", body, "application/json"))
