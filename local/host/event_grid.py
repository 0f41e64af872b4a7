"""The Event Grid webhook: `/runtime/webhooks/EventGrid?functionName=X`.

https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema and
.../end-point-validation-cloud-events-schema for the two handshakes; the answers 404, 400, 202 and
500 are those of the Event Grid extension of the Functions host.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from local.host.data import event_data
from local.host.functions import EVENT_GRID, Function
from local.host.http_functions import presented_key
from local.host.invocations import Invocations
from local.host.keys import Keys, Level


class EventGridWebhook:
    """Runs Event Grid functions for the events that are posted.

    All events of an array run at the same time; 202 when all succeeded, 500 when one failed
    (Event Grid then sends the whole array again).
    """

    def __init__(self, functions: Sequence[Function], invocations: Invocations, keys: Keys) -> None:
        self._functions = {f.name.lower(): f for f in functions if f.trigger.type == EVENT_GRID}
        self._invocations = invocations
        self._keys = keys

    async def answer(self, request: Request) -> Response:  # noqa: PLR0911 - one a kind of request
        """Serve one request: a handshake (POST or OPTIONS) or a delivery."""
        if not self._keys.allow(Level.SYSTEM, presented_key(request)):
            return Response(status_code=401)
        name = request.query_params.get("functionName", "")
        function = self._functions.get(name.lower())
        if function is None:
            return PlainTextResponse(f"cannot find function: '{name}'", status_code=404)
        if request.method == "OPTIONS":
            return _allow_origin(request)
        try:
            events = _events(await request.body())
        except ValueError as error:
            return PlainTextResponse(f"invalid events: {error}", status_code=400)
        kind = request.headers.get("aeg-event-type", "").lower()
        if kind == "subscriptionvalidation":
            return _validate(events)
        # Only Event Grid itself sends that header; any other sender of CloudEvents does not.
        if kind != "notification" and not all("specversion" in event for event in events):
            return PlainTextResponse("the header aeg-event-type is missing", status_code=400)
        return await self._deliver(function, events)

    async def _deliver(self, function: Function, events: Sequence[dict[str, Any]]) -> Response:
        results = await asyncio.gather(
            *(self._invocations.run(function, event_data(event)) for event in events)
        )
        if all(result.ok for result in results):
            return Response(status_code=202)
        return PlainTextResponse(
            f"Exception while executing function: {function.name}", status_code=500
        )


def _allow_origin(request: Request) -> Response:
    origin = request.headers.get("webhook-request-origin")
    if not origin:
        return PlainTextResponse("the header WebHook-Request-Origin is missing", status_code=400)
    headers = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return Response(status_code=200, headers=headers)


def _validate(events: Sequence[dict[str, Any]]) -> Response:
    data = events[0].get("data") if events else None
    code = data.get("validationCode") if isinstance(data, dict) else None
    if not code:
        return PlainTextResponse("the event has no data.validationCode", status_code=400)
    return JSONResponse({"validationResponse": code})


def _events(body: bytes) -> list[dict[str, Any]]:
    parsed = json.loads(body)
    events = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("expected an object or an array of objects")
    return events
