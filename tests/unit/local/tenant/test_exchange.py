"""Calls, queries and routes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tenant.exchange import Answer, Call, Routes, read_query
from local.tenant.opaque import pack, unpack

JSON = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=4)


@pytest.mark.parametrize("text", ["$top=5", "%24top=5", "top=5", "$TOP=5"])
def test_odata_options_need_no_dollar(text: str) -> None:
    """Graph takes its options with and without it, encoded or not."""
    assert read_query(text, odata=True) == {"$top": "5"}


def test_other_parameters_keep_their_names() -> None:
    """Only Graph's own options are renamed, and only for Graph."""
    assert read_query("Top=5&x=1") == {"Top": "5", "x": "1"}
    assert read_query("x=1&select=", odata=True) == {"x": "1", "$select": ""}


@given(JSON)
def test_opaque_tokens_come_back(state: dict[str, object]) -> None:
    """What was packed is unpacked."""
    assert unpack(pack(state)) == state


@given(st.text(max_size=40))
def test_foreign_tokens_are_none_of_ours(text: str) -> None:
    """Anything else is None or, by chance, an object; never an error."""
    assert unpack(text) is None or isinstance(unpack(text), dict)


def answer(_: Call) -> Answer:
    """Answers 200."""
    return Answer()


def test_routes_find_method_and_parameters() -> None:
    """A segment in braces is handed on; a trailing slash does not matter."""
    routes = Routes()
    routes.add("GET", "/users/delta()", "delta", answer)
    routes.add("GET", "/users/{id}", "get", answer)
    routes.add("POST", "/users/{id}/assign", "assign", answer)
    route, params, _ = routes.find("GET", "/users/a@b/")
    assert route is not None
    assert (route.operation, params) == ("get", {"id": "a@b"})
    found, _, _ = routes.find("GET", "/users/delta()")
    assert found is not None
    assert found.operation == "delta"


def test_routes_tell_which_methods_there_are() -> None:
    """A known address with a wrong method is told apart from an unknown one."""
    routes = Routes()
    routes.add("GET", "/users", "list", answer)
    assert routes.find("PUT", "/users") == (None, {}, {"GET"})
    assert routes.find("GET", "/nothing") == (None, {}, set())
