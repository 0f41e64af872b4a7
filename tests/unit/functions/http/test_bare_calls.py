"""Calls that take no input refuse it: a dry run asked for in the wrong place must not become a real one."""

import azure.functions as func
import pytest

from functions.http.responses import PointedError, refuse_input
from functions.http.routes import ROUTES


def request(query: str = "", body: bytes = b"") -> func.HttpRequest:
    """A request to release a run, as Azure hands it on."""
    url = f"https://x.example/api/runs/r1/release{query}"
    return func.HttpRequest("POST", url, params={}, body=body)


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        (request("?dry_run=true"), ["/dry_run"]),
        (request("?dryRun="), ["/dryRun"]),
        (request(body=b'{"dry_run": true}'), [""]),
        (request("?a=1", b"x"), ["/a", ""]),
    ],
)
def test_input_is_refused(asked: func.HttpRequest, pointers: list[str]) -> None:
    """Whatever is requested in the address or the body, with a pointer to each."""
    with pytest.raises(PointedError) as told:
        refuse_input(asked, parameters=False, body=False)
    assert [pointer for pointer, _ in told.value.faults] == pointers


@pytest.mark.parametrize("body", [b"", b" {} \n"])
def test_no_input_is_taken(body: bytes) -> None:
    """The function key, no body, or an empty object say nothing."""
    refuse_input(request("?code=secret", body), parameters=False, body=False)


def test_a_parameter_that_a_call_does_not_know_is_refused() -> None:
    """`?limt=10` must not mean everybody: the fault names what the call takes."""
    refuse_input(request("?code=secret&after=x"), parameters=True, body=True, known=("after",))
    with pytest.raises(PointedError) as told:
        refuse_input(request("?after=x&limt=10"), parameters=True, body=True, known=("after",))
    assert told.value.faults == [("/limt", "this call has no such parameter; it takes after")]
    with pytest.raises(PointedError) as told:
        refuse_input(request("?limt=10"), parameters=True, body=True, known=())
    assert told.value.faults == [("/limt", "this call has no such parameter; it takes none")]


def test_calls_that_change_something_say_what_they_take() -> None:
    """Parameters in the address are for a CSV body alone: elsewhere `?dry_run=true` is refused."""
    posts = [route for route in ROUTES if route.method == "POST"]
    assert {each.name: (each.takes_parameters, each.takes_body) for each in posts} == {
        "request_moves": (True, True),
        "release_run": (False, True),
        "discard_run": (False, True),
        "cancel_run": (False, True),
        "set_pause": (False, True),
        "subscribe_now": (False, False),
    }
