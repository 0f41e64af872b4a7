"""The host's own endpoints: its status, and running a function by hand.

https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http. `?wait=true`
and the counters in the status are this host's additions.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.host.data import event_data, queue_data, timer_data
from local.host.functions import EVENT_GRID, HTTP, TIMER, Function
from local.host.http_functions import presented_key
from local.host.invocations import Invocations
from local.host.keys import Keys, Level
from local.host.worker import Datum


class Admin:
    """Answers `/admin`; `state` gives the host's state, `start` keeps a run for the drain."""

    def __init__(
        self,
        functions: Sequence[Function],
        invocations: Invocations,
        keys: Keys,
        *,
        state: Callable[[], str],
        start: Callable[[asyncio.Task[Any]], None],
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._invocations = invocations
        self._keys = keys
        self._state = state
        self._start = start

    async def status(self, request: Request) -> Response:
        """`GET /admin/host/status`: the state and, by function, its trigger and counters."""
        if not self._keys.allow(Level.ADMIN, presented_key(request)):
            return Response(status_code=401)
        functions = {
            function.name: {
                "trigger": function.trigger.type,
                **vars(self._invocations.counters[function.name]),
            }
            for function in self._functions.values()
        }
        return JSONResponse({"state": self._state(), "functions": functions})

    async def run(self, request: Request) -> Response:
        """`POST /admin/functions/{name}` with `{"input": ...}`: 202, and the function runs.

        With `?wait=true`: 200 when it has succeeded, 500 when it has failed. 404 for an unknown
        function, 400 for an HTTP function or a bad body.
        """
        if not self._keys.allow(Level.ADMIN, presented_key(request)):
            return Response(status_code=401)
        name = request.path_params["name"]
        function = self._functions.get(name.lower())
        if function is None:
            return _error(404, f"there is no function {name!r}")
        if function.trigger.type == HTTP:
            return _error(400, f"{function.name!r} is an HTTP function: call its own address")
        try:
            data = _trigger_data(function, await request.body())
        except ValueError as error:
            return _error(400, str(error))
        task = asyncio.create_task(self._invocations.run(function, data))
        self._start(task)
        if request.query_params.get("wait", "").lower() != "true":
            return Response(status_code=202)
        result = await asyncio.shield(task)
        return JSONResponse({"ok": True}) if result.ok else _error(500, result.error or "failed")


def _trigger_data(function: Function, body: bytes) -> Datum:
    content: object = json.loads(body) if body.strip() else {}
    if not isinstance(content, Mapping):
        raise ValueError('the body must be an object such as {"input": ""}')
    value = content.get("input", "")
    kind = function.trigger.type
    if kind == TIMER:
        return timer_data(last=None, next_=datetime.now(UTC))
    if kind == EVENT_GRID:
        event = json.loads(value) if isinstance(value, str) else value
        if not isinstance(event, Mapping):
            raise ValueError("input must be one event")
        return event_data(event)
    return queue_data((value if isinstance(value, str) else json.dumps(value)).encode())


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
