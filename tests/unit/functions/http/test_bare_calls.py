"""Calls that take no input refuse it: a dry run asked for in the wrong place must not become a real one."""

import azure.functions as func
import pytest

from functions.http.move_body import read_request
from functions.http.openapi import model
from functions.http.responses import PointedError, read, refuse_input
from functions.http.routes import ROUTES, Route, refuse
from functions.http.schemas import MoveBody


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
        refuse_input(request("?aftr=x"), parameters=True, body=True, known=("top", "after"))
    meant = "did you mean 'after'? it takes top, after"
    assert told.value.faults == [("/aftr", f"this call has no such parameter; {meant}")]
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
        "retry_run": (False, True),
        "set_pause": (False, True),
        "subscribe_now": (False, False),
    }


def parameters_of(route: Route) -> tuple[str, ...]:
    """What a call takes in its address."""
    return tuple(model(route.csv_query).model_fields) if route.csv_query else route.query


async def faults_of(route: Route, query: str) -> list[tuple[str, str]]:
    """What is wrong with a call, before anything is done."""
    headers = {"Content-Type": "text/csv"} if route.csv_query else {}
    url = f"https://x.example/api/{route.path}{query}"
    body = b"UPN\na@x.example\n" if route.csv_query else b""
    asked = func.HttpRequest(route.method, url, headers=headers, params={}, body=body)
    if route.csv_query:
        refuse(route, asked)
        with pytest.raises(PointedError) as told:
            await read_request(asked)
    else:
        with pytest.raises(PointedError) as told:
            refuse(route, asked)
    return list(told.value.faults)


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in ROUTES])
async def test_no_call_ignores_a_parameter_that_it_does_not_know(route: Route) -> None:
    """D15: of every call in the table, and a misspelled one is told by the nearest that there is."""
    ((pointer, wrong),) = await faults_of(route, "?code=secret&xyzzy=1")
    assert (pointer, "did you mean" in wrong) == ("/xyzzy", False)
    for name in parameters_of(route):
        ((pointer, wrong),) = await faults_of(route, f"?{name}x=1")
        assert pointer == f"/{name}x"
        assert f"did you mean {name!r}?" in wrong


def test_a_parameter_in_the_wrong_place_is_told_where_it_belongs() -> None:
    """What a call takes in its body is no parameter of its address."""
    (release,) = (route for route in ROUTES if route.name == "release_run")
    with pytest.raises(PointedError) as told:
        refuse(release, request("?limt=10"))
    ((_, wrong),) = told.value.faults
    assert "takes no parameters in its address; in its body did you mean 'limit'?" in wrong


@pytest.mark.parametrize("route", [route for route in ROUTES if route.query_model])
def test_parameters_are_those_of_their_model(route: Route) -> None:
    """Types and limits come from the model, names from the table of routes."""
    assert set(route.query) == set(model(route.query_model).model_fields)


async def test_a_field_that_a_body_does_not_have_is_told_by_its_nearest() -> None:
    """The same in JSON: `dryrun` must not be a real move."""
    with pytest.raises(PointedError) as told:
        await read(MoveBody, b'{"users": ["a@x.example"], "dryrun": true}')
    ((pointer, wrong),) = told.value.faults
    assert pointer == "/dryrun"
    assert wrong.startswith("there is no such field; did you mean 'dry_run'?")
