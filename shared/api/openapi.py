"""The OpenAPI 3.1 document of the HTTP API, made from the same models that check and show the data."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared import __version__
from shared.api import models
from shared.api.answers import Reply

if TYPE_CHECKING:
    from shared.desk import Desk

_SCHEMAS: Final = "#/components/schemas/"
_PROBLEM: Final = {
    "type": "object",
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


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: what it answers, and the statuses of its refusals.

    csv: it answers CSV, too. csv_query: it takes CSV, too, and then these wishes in the query.
    """

    method: str
    path: str
    use: str
    answers: type[BaseModel]
    status: int = 200
    takes: type[BaseModel] | None = None
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    csv: bool = False
    csv_query: type[BaseModel] | None = None
    refusals: tuple[int, ...] = (503,)


OPERATIONS: Final = (
    Operation(
        "post",
        "/moves",
        "Begin a run over users, a provider's users, or all on a third party",
        models.RunView,
        202,
        takes=models.MoveRequest,
        csv_query=models.CsvWishes,
        headers=("Idempotency-Key",),
        refusals=(400, 409, 413, 503),
    ),
    Operation("get", "/runs", "List the runs, the newest first", models.RunList),
    Operation("get", "/runs/{run}", "Show a run", models.RunView, refusals=(404, 503)),
    Operation(
        "get",
        "/runs/{run}/results",
        "Give the results of a run",
        models.ResultPage,
        query=("after",),
        csv=True,
        refusals=(404, 503),
    ),
    Operation(
        "post",
        "/runs/{run}/release",
        "Let a held sweep go on",
        models.RunView,
        202,
        refusals=(404, 409, 503),
    ),
    Operation("get", "/users/ready", "List who is ready to move", models.ReadyList),
    Operation("get", "/users/{user}", "Show a user", models.UserState, refusals=(400, 404, 503)),
    Operation(
        "get",
        "/users/{user}/saved",
        "Give a user's saved entries",
        models.SavedList,
        refusals=(400, 404, 503),
    ),
    Operation("get", "/doctor", "Examine the app and what it stands on", models.FindingList),
    Operation(
        "post", "/subscription", "Look after the change subscription now", models.SubscriptionView
    ),
    Operation("get", "/providers", "List the third-party providers", models.ProviderList),
    Operation("get", "/attention", "List who needs a person", models.AttentionList),
)


def document() -> dict[str, Any]:
    """Return the document."""
    kinds = {each.answers for each in OPERATIONS} | {
        each.takes for each in OPERATIONS if each.takes
    }
    _, definitions = models_json_schema(
        [(kind, "validation" if kind is models.MoveRequest else "serialization") for kind in kinds],
        ref_template=_SCHEMAS + "{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ACP Mover", "version": __version__},
        "servers": [{"url": "/api"}],
        "security": [{"key": []}, {"entra": []}],
        "paths": paths,
        "components": {
            "schemas": {**definitions["$defs"], "Problem": _PROBLEM},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


async def described(_: "Desk") -> Reply:
    """Give the document."""
    return Reply(text=json.dumps(document()))


def _operation(each: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"application/json": _schema(each.answers.__name__)}
    if each.csv:
        good["text/csv"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {
        "summary": each.use,
        "parameters": [
            *(_parameter(name, "path") for name in ("run", "user") if f"{{{name}}}" in each.path),
            *(_parameter(name, "query") for name in each.query),
            *(_parameter(name, "header") for name in each.headers),
        ],
        "responses": {
            str(each.status): {"description": "Done", "content": good},
            **{str(status): _REFUSAL for status in each.refusals},
            "401": {"description": "No key, or not signed in"},
            "403": {"description": "The app role is missing"},
        },
    }
    if each.takes:
        content = {"application/json": _schema(each.takes.__name__)}
        if each.csv_query:
            content["text/csv"] = {"schema": {"type": "string"}}
            found["parameters"] += _query(each.csv_query)
        found["requestBody"] = {"required": True, "content": content}
    return found


def _schema(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": _SCHEMAS + name}}


def _query(kind: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the parameters that stand for a model's fields."""
    fields = kind.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _plain(schema)}
        for name, schema in fields.items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what is given, for a query has no null."""
    given = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return {name: value for name, value in given[0].items() if name not in ("title", "default")}


def _parameter(name: str, place: str) -> dict[str, Any]:
    required = place == "path"
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}
