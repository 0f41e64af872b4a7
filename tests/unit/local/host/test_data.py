import json
from http.cookies import SimpleCookie

import azure.functions as func
import pytest
from azure_functions_runtime.bindings.datumdef import Datum
from starlette.datastructures import Headers, QueryParams

from local.host.data import http_data, http_response, queue_bodies, queue_data
from local.host.errors import OutputError


@pytest.mark.parametrize(
    ("value", "bodies"),
    [
        (Datum("plain", "string"), [b"plain"]),
        (Datum("", "string"), [b""]),
        (Datum(b"\xff\x00", "bytes"), [b"\xff\x00"]),
        (Datum('["a", "b"]', "json"), [b"a", b"b"]),
        (Datum("[]", "json"), []),
        (Datum('[{"x": 1}, 2]', "json"), [b'{"x": 1}', b"2"]),
        (Datum('{"id": null, "body": "text"}', "json"), [b"text"]),
        (Datum('[{"id": null, "body": "text"}]', "json"), [b"text"]),
        (Datum('{"x":1}', "string"), [b'{"x":1}']),
        (Datum('["a", "b"]', "string"), [b"a", b"b"]),
        (Datum("ümläut", "string"), ["ümläut".encode()]),
    ],
)
def test_queue_bodies(value: Datum, bodies: list[bytes]) -> None:
    """A list is one message an item; so is a text that is a JSON array, as in the real host."""
    assert queue_bodies(value) == bodies


def test_text_that_looks_like_json_must_be_json() -> None:
    """The real host parses such a text and fails the invocation when it cannot."""
    with pytest.raises(OutputError, match="looks like JSON"):
        queue_bodies(Datum("[not json]", "string"))


def test_queue_data_is_text_or_bytes() -> None:
    """A body that is no UTF-8 reaches the function as bytes."""
    assert queue_data("ü".encode()) == Datum("ü", "string")
    assert queue_data(b"\xff") == Datum(b"\xff", "bytes")


def test_http_data_joins_values_and_drops_empty_ones() -> None:
    """Several values are joined by a comma; an empty query parameter is not passed on."""
    data = http_data(
        method="GET",
        url="http://x/api",
        headers=Headers(raw=[(b"x-a", b"1"), (b"x-a", b"2")]),
        query=QueryParams("a=1&a=2&empty="),
        route={"id": "5"},
        body=b"",
    )
    assert {name: d.value for name, d in data.value["query"].items()} == {"a": "1,2"}
    assert data.value["headers"]["x-a"].value == "1,2"
    assert data.value["params"]["id"].value == "5"


def test_http_response_keeps_status_headers_and_cookies() -> None:
    """What a function returned arrives as it is, with every cookie in its own header."""
    cookies = [SimpleCookie("a=b; Path=/"), SimpleCookie("c=d")]
    value = {
        "status_code": Datum("418", "string"),
        "headers": {"X-A": Datum("1", "string"), "content-type": Datum("text/x", "string")},
        "cookies": cookies,
        "body": Datum(b"tea", "bytes"),
    }
    response = http_response(Datum(value, "http"))
    assert response.status_code == 418
    assert response.body == b"tea"
    assert response.headers["x-a"] == "1"
    assert response.headers["content-type"] == "text/x"
    assert response.headers.getlist("set-cookie") == ["a=b; Path=/", "c=d"]


def test_http_response_from_text() -> None:
    """A function may return a plain text."""
    response = http_response(Datum("hello", "string"))
    assert (response.status_code, response.body) == (200, b"hello")


def test_list_output_of_the_library_is_read() -> None:
    """The library's own encoding of a list of texts gives those texts."""
    encoded = json.dumps(
        ["a", {"id": None, "body": func.QueueMessage(body="b").get_body().decode()}]
    )
    assert queue_bodies(Datum(encoded, "json")) == [b"a", b"b"]
