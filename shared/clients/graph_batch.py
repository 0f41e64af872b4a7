"""Graph batches: many requests in one call, each with its own answer or error.

Source: "Combine multiple requests in one HTTP call using JSON batching".
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from shared.clients import wire
from shared.clients.graph_models import BatchAnswer, BatchAnswers
from shared.clients.http import ServiceClient, error_of, parse_body, retry_after
from shared.clock import Clock
from shared.errors import ContractError, ServiceError, TransientError
from shared.telemetry.operation import count_throttled

BATCH_SIZE: Final = 20
"""Most requests in one batch."""


class Batches:
    """Sends batches. tries: most attempts at an inner request that is throttled or fails."""

    def __init__(self, service: ServiceClient, clock: Clock, tries: int) -> None:
        self._service = service
        self._clock = clock
        self._tries = tries

    async def ask[T](
        self, questions: Mapping[str, Mapping[str, Any]], read: Callable[[bytes], T]
    ) -> dict[str, T | ServiceError]:
        """Return, for each of at most 20 requests, its answer parsed by `read`, or its error.

        A request has `method`, `url` (relative), and if needed `headers` and `body`. Raises
        ServiceError only when the batch as a whole failed.
        """
        if len(questions) > BATCH_SIZE:
            raise ValueError(f"at most {BATCH_SIZE} questions in one batch, not {len(questions)}")
        found: dict[str, T | ServiceError] = {}
        missing = list(questions)
        for attempt in range(1, self._tries + 1):
            found |= await self._once({name: questions[name] for name in missing}, read)
            missing = [name for name in missing if isinstance(found[name], TransientError)]
            if not missing:
                break
            if attempt < self._tries:
                await self._service.pause(attempt)
        return found

    async def _once[T](
        self, questions: Mapping[str, Mapping[str, Any]], read: Callable[[bytes], T]
    ) -> dict[str, T | ServiceError]:
        requests = [
            {"id": str(number), **question} for number, question in enumerate(questions.values())
        ]
        before = self._clock.monotonic()
        answers = await self._service.call(
            wire.BATCH, BatchAnswers.model_validate_json, json={"requests": requests}
        )
        self._learn(answers, before)
        by_id = {answer.id: answer for answer in answers.responses}
        return {name: _read(by_id.get(str(number)), read) for number, name in enumerate(questions)}

    def _learn(self, answers: BatchAnswers, before: float) -> None:
        """Report throttled inner answers to the limiter: once, however many there are."""
        throttled = [
            retry_after(httpx.Headers(answer.headers), self._clock.now()) or 1.0
            for answer in answers.responses
            if answer.status == httpx.codes.TOO_MANY_REQUESTS
        ]
        if throttled:
            count_throttled(len(throttled))
            self._service.limiter.throttled(before, max(throttled))


def _read[T](answer: BatchAnswer | None, read: Callable[[bytes], T]) -> T | ServiceError:
    if answer is None:
        return ContractError("Graph", str(wire.BATCH), "field responses: one answer is missing")
    body = json.dumps(answer.body).encode()
    if not httpx.codes.is_success(answer.status):
        return error_of("Graph", wire.BATCH, answer.status, body)
    try:
        return parse_body("Graph", wire.BATCH, body, read)
    except ServiceError as error:
        return error
