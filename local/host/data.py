"""Trigger data on its way into the worker, and output data on its way out.

The worker's `Datum` is a value with a type name. What the real host puts into each follows its
GrpcMessageConversionExtensions.cs (https://github.com/Azure/azure-functions-host).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any

from azure.storage.queue import QueueMessage
from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response

from local.host.errors import OutputError
from local.host.worker import Datum


def queue_data(body: bytes) -> Datum:
    """A message's body: text, or bytes when it is not UTF-8."""
    try:
        return Datum(body.decode(), "string")
    except UnicodeDecodeError:
        return Datum(body, "bytes")


def queue_metadata(message: QueueMessage) -> dict[str, Datum]:
    """What `func.QueueMessage` shows besides the body."""
    fields = {
        "Id": message.id,
        "DequeueCount": message.dequeue_count,
        "ExpirationTime": _iso(message.expires_on),
        "InsertionTime": _iso(message.inserted_on),
        "NextVisibleTime": _iso(message.next_visible_on),
        "PopReceipt": message.pop_receipt,
    }
    return {name: _json(value) for name, value in fields.items() if value is not None}


def timer_data(*, last: datetime | None, next_: datetime | None, past_due: bool = False) -> Datum:
    """What `func.TimerRequest` shows: the last and the next run."""
    now = last or next_
    status = {"Last": _iso(last), "Next": _iso(next_), "LastUpdated": _iso(now)}
    return _json(
        {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
    )


def event_data(event: Mapping[str, Any]) -> Datum:
    """One event, of the Event Grid or the CloudEvents schema."""
    return _json(event)


def http_data(
    *,
    method: str,
    url: str,
    headers: Headers,
    query: QueryParams,
    route: Mapping[str, str],
    body: bytes,
) -> Datum:
    """A request for `func.HttpRequest`.

    As in Azure, several values of one name are joined by a comma, and a query parameter with an
    empty value is not passed on (the Python worker does not ask for nullable values).
    """
    joined_headers = {name.lower(): ",".join(headers.getlist(name)) for name in headers}
    joined_query = {name: ",".join(query.getlist(name)) for name in query}
    return Datum(
        {
            "method": Datum(method, "string"),
            "url": Datum(url, "string"),
            "headers": _strings(joined_headers),
            "query": _strings({name: value for name, value in joined_query.items() if value}),
            "params": _strings(route),
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def http_response(value: Datum | None) -> Response:
    """The response that a function returned: `func.HttpResponse` or a plain text."""
    if value is None or value.value is None:
        return Response(status_code=204)
    if value.type != "http":
        return Response(str(value.value), media_type="text/plain")
    response = Response(
        value.value["body"].value, status_code=int(value.value["status_code"].value)
    )
    for name, header in value.value["headers"].items():
        if name.lower() != "content-length":
            response.headers[name] = header.value
    cookies: list[SimpleCookie] = value.value["cookies"] or []
    for cookie in cookies:
        for morsel in cookie.values():
            response.headers.append("set-cookie", morsel.OutputString())
    return response


def queue_bodies(value: Datum) -> list[bytes]:
    """The message bodies that a queue output stands for.

    A list gives one message per item, and so does a *text* that looks like a JSON array: the real
    host parses every text that starts and ends with brackets or braces, whoever wrote it
    (FunctionBinding.ReadAsEnumerable). Raises `OutputError` when such a text is not JSON.
    """
    if value.type == "bytes":
        return [value.value]
    text = str(value.value)
    if not _looks_like_json(text):
        return [text.encode()]
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise OutputError(f"the text looks like JSON but is not ({error})") from error
    if isinstance(parsed, list):
        return [_item_body(item) for item in parsed]
    return [_item_body(parsed) if value.type == "json" else text.encode()]


def _item_body(item: object) -> bytes:
    if isinstance(item, str):
        return item.encode()
    # func.QueueMessage arrives as its id and its body.
    if isinstance(item, dict) and set(item) == {"id", "body"}:
        return str(item["body"]).encode()
    return json.dumps(item).encode()


def _looks_like_json(text: str) -> bool:
    stripped = text.strip()
    return (stripped[:1], stripped[-1:]) in {("{", "}"), ("[", "]")}


def _strings(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def _json(value: object) -> Datum:
    return Datum(json.dumps(value), "json")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
