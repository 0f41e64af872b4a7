"""The OpenAPI 3.1 document of the HTTP API, made of its routes and of the models that check the data."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from functions.http import schemas
from functions.http.routes import ROUTES, Route
from shared import __version__
from shared.views import health, runs, status, users

_MODELS: Final = (schemas, health, runs, status, users)
_SCHEMAS: Final = "#/components/schemas/"
_PROBLEM: Final = {
    "type": "object",
    "description": "What is wrong (RFC 9457); `errors` has a JSON pointer to each field.",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
    "required": ["title", "status", "detail"],
}
_REFUSAL: Final = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS + "Problem"}}},
}
_TAGS: Final = {
    "moves": "Begin runs",
    "runs": "Follow runs, and release or discard users who are held",
    "users": "Find users",
    "admin": "Maintain the app",
}


def document() -> dict[str, Any]:
    """Return the document; its own route is left out."""
    described = [route for route in ROUTES if route.answers]
    kinds = {model(name) for route in described for name in (route.answers, route.takes) if name}
    taken = {model(route.takes) for route in described if route.takes}
    _, definitions = models_json_schema(
        [(kind, "validation" if kind in taken else "serialization") for kind in kinds],
        ref_template=_SCHEMAS + "{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ACP Mover", "version": __version__},
        "servers": [{"url": "/api"}],
        "security": [{"key": []}, {"entra": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**definitions["$defs"], "Problem": _PROBLEM},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def model(name: str) -> type[BaseModel]:
    """Return a model by the name that a route gives it."""
    kind: type[BaseModel] = next(
        getattr(module, name) for module in _MODELS if hasattr(module, name)
    )
    return kind


def _operation(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"application/json": _schema(route.answers)}
    if route.csv:
        good["text/csv"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.module],
        "summary": route.summary,
        "description": _sentences(route.summary, route.details, f"app role: {route.role}"),
        "parameters": [
            *(_parameter(name, "path") for name in ("run", "user") if f"{{{name}}}" in route.path),
            *(
                _query(model(route.query_model))
                if route.query_model
                else (_parameter(name, "query") for name in route.query)
            ),
            *(_parameter(name, "header") for name in route.headers),
        ],
        "responses": {
            str(route.status): {"description": "Done", "content": good},
            **{str(status): _REFUSAL for status in route.problems},
            "401": {"description": "No key, or not signed in"},
            "403": {"description": "The app role is missing"},
        },
    }
    if route.takes:
        json_body = _schema(route.takes) | {"example": dict(route.example)}
        content: dict[str, Any] = {"application/json": json_body}
        if route.csv_query:
            content["text/csv"] = {"schema": {"type": "string"}, "example": "UPN\na@contoso.com\n"}
            found["parameters"] += _query(model(route.csv_query))
        found["requestBody"] = {"required": not route.may_be_empty, "content": content}
    return found


def _sentences(*parts: str) -> str:
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


def _schema(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": _SCHEMAS + name}}


def _query(kind: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the parameters that stand for a model's fields."""
    fields = kind.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _given(schema)}
        for name, schema in fields.items()
    ]


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that is given, for a query has no null."""
    given = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return {name: value for name, value in given[0].items() if name not in ("title", "default")}


def _parameter(name: str, place: str) -> dict[str, Any]:
    required = place == "path"
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}
