"""`POST /$batch`: up to 20 calls in one, each answered on its own, in any order.

Source: https://learn.microsoft.com/graph/json-batching
"""

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from urllib.parse import unquote

from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call, read_query
from local.tenant.graph.writes import read_object

MAX_REQUESTS = 20
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class _Step:
    id: str
    call: Call
    depends_on: tuple[str, ...]


class GraphBatch:
    """Takes a batch apart and hands each call to `inner`, which answers it like any other."""

    def __init__(self, seed: int, inner: Callable[[Call], Awaitable[Answer]]) -> None:
        self._inner = inner
        self._rng = random.Random(f"{seed}/batch")  # noqa: S311 - not a secret

    async def run(self, call: Call) -> Answer:
        """200 with one response for each request, whatever became of them."""
        steps = _read_steps(call)
        answers: dict[str, Answer] = {}
        for step in steps:
            failed = [i for i in step.depends_on if answers[i].status >= 400]  # noqa: PLR2004
            answers[step.id] = _failed_dependency() if failed else await self._inner(step.call)
        responses = [_response(step_id, answer) for step_id, answer in answers.items()]
        # Answers may come in any order; a client that pairs them by position is to fail here.
        self._rng.shuffle(responses)
        return Answer(200, {"responses": responses})


def _read_steps(call: Call) -> list[_Step]:
    requests = read_object(call).get("requests")
    if not isinstance(requests, list) or not requests:
        raise _bad("The batch must have a 'requests' array with at least one request.")
    if len(requests) > MAX_REQUESTS:
        raise _bad(f"Number of batch request steps exceeds the maximum value of {MAX_REQUESTS}.")
    steps: dict[str, _Step] = {}
    seen: set[str] = set()
    for request in requests:
        step = _read_step(call, request)
        # "It's not case-sensitive", says the documentation of the ids.
        if step.id.lower() in seen:
            raise _bad(f"Request id {step.id!r} is not unique in the batch.")
        seen.add(step.id.lower())
        steps[step.id] = step
    for step in steps.values():
        missing = [i for i in step.depends_on if i not in steps]
        if missing:
            raise _bad(f"Request {step.id!r} depends on {missing[0]!r}, which is not in the batch.")
    order = TopologicalSorter({step.id: step.depends_on for step in steps.values()})
    try:
        return [steps[step_id] for step_id in order.static_order()]
    except CycleError:
        raise _bad("The dependencies of the batch form a circle.") from None


def _read_step(call: Call, request: object) -> _Step:
    if not isinstance(request, dict) or not isinstance(request.get("id"), str) or not request["id"]:
        raise _bad("Each request of a batch needs an 'id' that is a non-empty string.")
    step_id = request["id"]
    method = str(request.get("method", "")).upper()
    if method not in _METHODS:
        raise _bad(f"Request {step_id!r}: the method {request.get('method')!r} is not supported.")
    url = request.get("url")
    if not isinstance(url, str) or not url or "://" in url.partition("?")[0]:
        raise _bad(f"Request {step_id!r}: the url must be relative.")
    headers = request.get("headers") or {}
    if not isinstance(headers, dict):
        raise _bad(f"Request {step_id!r}: headers must be an object.")
    own = {str(name).lower(): str(value) for name, value in headers.items()}
    body = request.get("body")
    if body is not None and "content-type" not in own:
        raise _bad(f"Write request id : {step_id} does not contain Content-Type header or body.")
    depends = request.get("dependsOn") or []
    if not isinstance(depends, list):
        raise _bad(f"Request {step_id!r}: dependsOn must be an array.")
    path, _, query = url.partition("?")
    content = b"" if body is None else json.dumps(body).encode()
    inner = replace(
        call,
        method=method,
        path=unquote("/" + path.lstrip("/")),
        query=read_query(query, odata=True),
        headers=_inherited(call.headers, own),
        body=content,
        params={},
    )
    return _Step(step_id, inner, tuple(str(i) for i in depends))


def _inherited(outer: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Only who is calling is inherited; ConsistencyLevel and the rest are per request."""
    kept = {name: outer[name] for name in ("authorization", "host") if name in outer}
    return {**own, **kept}


def _response(step_id: str, answer: Answer) -> dict[str, object]:
    headers = dict(answer.headers)
    response: dict[str, object] = {"id": step_id, "status": answer.status, "headers": headers}
    if answer.text is not None:
        headers["Content-Type"] = "text/plain"
        response["body"] = answer.text
    elif answer.body is not None:
        headers["Content-Type"] = "application/json"
        response["body"] = answer.body
    return response


def _failed_dependency() -> Answer:
    error = {"code": "FailedDependency", "message": "A request this one depends on has failed."}
    return Answer(424, {"error": error})


def _bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)
