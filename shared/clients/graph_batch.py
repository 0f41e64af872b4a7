"""Graph batches: many requests in one call, each with its own answer or error.

Source: "Combine multiple requests in one HTTP call using JSON batching".
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import httpx

from shared.clients import wire
from shared.clients.answers import error_of, parse_body
from shared.clients.graph_models import BatchAnswer
from shared.clients.http import ServiceClient
from shared.clients.pages import Page, page_reader
from shared.clients.values import pause
from shared.clock import Clock
from shared.errors import ContractError, ServiceError, TransientError
from shared.telemetry.operation import count_throttled

BATCH_SIZE: Final = 20
"""Most requests in one batch."""

_ANSWERS: Final = page_reader(BatchAnswer, "responses")


class Batches:
    """Sends batches. tries: most attempts at an inner request that is throttled or fails."""

    def __init__(self, service: ServiceClient, clock: Clock, tries: int) -> None:
        self._service = service
        self._clock = clock
        self._tries = tries

    async def ask[T](
        self,
        questions: Mapping[str, Mapping[str, Any]],
        read: Callable[[str, bytes], T],
    ) -> dict[str, T | ServiceError]:
        """Return, for each of at most 20 requests, its answer parsed by `read`, or its error.

        A request has `method`, `url` (relative), and if needed `headers` and `body`. read: gets the
        name of the request, too, to check with `check_subject` that the answer is about it. Raises
        ServiceError only when the batch as a whole failed, and nothing is known about anybody.
        """
        if len(questions) > BATCH_SIZE:
            raise ValueError(f"at most {BATCH_SIZE} questions in one batch, not {len(questions)}")
        found: dict[str, T | ServiceError] = {}
        missing = list(questions)
        for attempt in range(1, self._tries + 1):
            try:
                found |= await self._once({name: questions[name] for name in missing}, read)
            except ServiceError as error:
                if attempt == 1:
                    raise
                # A pause that is too long to wait for, say: what is known of the others is kept.
                found |= dict.fromkeys(missing, error)
                break
            missing = [name for name in missing if isinstance(found[name], TransientError)]
            if not missing:
                break
            if attempt < self._tries:
                await self._service.pause(attempt)
        return found

    async def _once[T](
        self,
        questions: Mapping[str, Mapping[str, Any]],
        read: Callable[[str, bytes], T],
    ) -> dict[str, T | ServiceError]:
        requests = [
            {"id": str(number), **question} for number, question in enumerate(questions.values())
        ]
        page = await self._service.call(
            wire.BATCH, _ANSWERS, json={"requests": requests}, asks=self._asks
        )
        self._service.report(wire.BATCH, page.faults)
        by_id: dict[str, list[BatchAnswer]] = {}
        for answer in page.items:
            by_id.setdefault(answer.id, []).append(answer)
        return {
            name: _read(by_id.get(str(number), []), name, read)
            for number, name in enumerate(questions)
        }

    def _asks(self, page: Page[BatchAnswer]) -> float | None:
        """Return the longest pause that throttled inner answers ask for: to the limiter they are one."""
        waits = [(answer.status, pause(answer.headers, self._clock.now())) for answer in page.items]
        throttled = [
            1.0 if wait is None else wait
            for status, wait in waits
            if status == httpx.codes.TOO_MANY_REQUESTS
            or (status == httpx.codes.SERVICE_UNAVAILABLE and wait is not None)
        ]
        count_throttled(len(throttled))
        return max(throttled, default=None)


def _read[T](
    answers: list[BatchAnswer],
    name: str,
    read: Callable[[str, bytes], T],
) -> T | ServiceError:
    if len(answers) != 1:
        wrong = "one answer is missing" if not answers else "one request is answered twice"
        return ContractError("Graph", str(wire.BATCH), f"field responses: {wrong}")
    answer = answers[0]
    try:
        body = json.dumps(answer.body).encode()
        if not httpx.codes.is_success(answer.status):
            return error_of("Graph", wire.BATCH, answer.status, body, answer.headers)
        return parse_body("Graph", wire.BATCH, body, partial(read, name))
    except ServiceError as error:
        return error
    except (ValueError, RecursionError):
        return ContractError("Graph", str(wire.BATCH), "field body: it cannot be read")


def check_subject(*, right: bool) -> None:
    """Raise ContractError unless an answer is about whom the request asked for."""
    if not right:
        raise ContractError("Graph", str(wire.BATCH), "the answer is about somebody else")
