"""A CSV file as the body of a request: what is wrong is told, and no more is read than it takes."""

import azure.functions as func
import pytest

from functions.http.move_body import from_csv, read_request
from functions.http.responses import PointedError
from functions.http.schemas import CsvParameters
from shared.domain.move_request import MoveRequest
from shared.errors import TooLargeError

GOOD = b"UPN\n" + b"".join(b"user%d@x.example\n" % number for number in range(3))


def test_the_names_of_a_file() -> None:
    """Each line's user, in order; lines that name none are passed over where that is wished."""
    names = [f"user{number}@x.example" for number in range(3)]
    assert from_csv(GOOD, CsvParameters()) == names
    assert from_csv(GOOD + b"adele\n", CsvParameters(skip_bad_lines=True)) == names


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
