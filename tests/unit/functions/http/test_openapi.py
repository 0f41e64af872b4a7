"""The table of routes leads to handlers and models, and the OpenAPI document is made of all of it."""

import inspect
import json
import re
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel

from functions.http import openapi
from functions.http.openapi import document
from functions.http.routes import ROUTES, Route

NAMED = [pytest.param(route, id=route.name) for route in ROUTES]


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Each operation of the document by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("route", NAMED)
def test_every_route_has_its_handler(route: Route) -> None:
    """The module of a route has a handler of the route's name, which takes the app and the request."""
    handler = getattr(import_module(f"functions.http.{route.module}"), route.name)
    assert inspect.iscoroutinefunction(handler)
    assert len(inspect.signature(handler).parameters) == 2


def test_every_handler_has_a_route() -> None:
    """No operation that nobody can call: the public coroutines of the modules are those of the table."""
    handlers = {
        (module, name)
        for module in {route.module for route in ROUTES}
        for name, found in vars(import_module(f"functions.http.{module}")).items()
        if inspect.iscoroutinefunction(found)
        and not name.startswith("_")
        and found.__module__ == f"functions.http.{module}"
    }
    assert handlers == {(route.module, route.name) for route in ROUTES}


def test_no_two_routes_are_the_same() -> None:
    """Names tell functions apart, and method and path tell calls apart."""
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", NAMED)
def test_every_model_exists(route: Route) -> None:
    """What a route names as its body, its query or its answer is a model of the schemas."""
    named = [name for name in (route.takes, route.csv_query, route.answers) if name]
    assert all(issubclass(openapi.model(name), BaseModel) for name in named)
    assert bool(route.example) is bool(route.takes)
    if route.takes:
        openapi.model(route.takes).model_validate(dict(route.example))


def test_every_route_is_described() -> None:
    """The document has every route but its own, each under its name, in its group, with its role."""
    described = operations()
    routes = {(each.method, f"/{each.path}"): each for each in ROUTES if each.answers}
    assert described.keys() == routes.keys()
    assert [each.name for each in ROUTES if not each.answers] == ["describe_api"]
    groups = {tag["name"] for tag in document()["tags"]}
    for key, route in routes.items():
        operation = described[key]
        assert operation["operationId"] == route.name
        assert operation["tags"] == [route.module]
        assert groups.issuperset(operation["tags"])
        assert route.summary in operation["description"]
        assert str(route.role) in operation["description"]
        answers = {str(route.status), *map(str, route.problems), "401", "403"}
        assert operation["responses"].keys() == answers


def test_parameters_of_a_path_are_described() -> None:
    """Each `{name}` of a path is a parameter there, required; no other parameter is."""
    for (_, path), operation in operations().items():
        parameters = operation["parameters"]
        required = [each["name"] for each in parameters if each["in"] == "path"]
        assert required == re.findall(r"{(\w+)}", path)
        assert all(each["required"] is (each["in"] == "path") for each in parameters)


def test_every_reference_leads_somewhere() -> None:
    """Each schema that the document refers to is in it."""
    text = json.dumps(document())
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named <= set(document()["components"]["schemas"])
    assert {"MoveBody", "RunView", "Problem"} <= named
