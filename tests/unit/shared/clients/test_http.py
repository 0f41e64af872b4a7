"""One service over HTTP: what is tried again, what is refused, what an error says."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import BaseModel

from shared.clients.values import pause
from shared.clients.wire import LIST_USERS
from shared.errors import (
    AccessDeniedError,
    ContractError,
    InvalidResponseError,
    LateTurnError,
    NotFoundError,
    RejectedError,
    ServerFaultError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from shared.telemetry.operation import operation
from tests.fakes import FakeClock
from tests.unit.shared.clients.services import ORIGIN, Answer, Recorder, StaticTokens


class Thing(BaseModel):
    """What the tests read."""

    name: str


async def fetch(recorder: Recorder, url: str | None = None) -> Thing:
    """Make one call."""
    return await recorder.service().call(LIST_USERS, Thing.model_validate_json, url=url)


def answers(*given: httpx.Response | Exception) -> Answer:
    """Answer with each in turn; the last repeats."""
    left = list(given)

    def answer(_: httpx.Request) -> httpx.Response:
        item = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(item, Exception):
            raise item
        return httpx.Response(item.status_code, headers=item.headers, content=item.content)

    return answer


GOOD = httpx.Response(200, json={"name": "x"})


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"name": "x'),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("truncated"),
    ],
    ids=lambda item: type(item).__name__ if isinstance(item, Exception) else str(item.status_code),
)
async def test_transient_trouble_is_tried_again(trouble: httpx.Response | Exception) -> None:
    """Throttling, server faults, broken answers and connection errors are tried again and pass."""
    recorder = Recorder(answers(trouble, GOOD))
    assert (await fetch(recorder)).name == "x"
    assert len(recorder.requests) == 2


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (httpx.Response(429), ThrottledError),
        (httpx.Response(503), ThrottledError),
        (httpx.Response(500), ServerFaultError),
        (httpx.Response(200, content=b"no"), InvalidResponseError),
        (httpx.ConnectTimeout("slow"), UnreachableError),
    ],
)
async def test_tries_are_bounded(
    trouble: httpx.Response | Exception, error: type[ServiceError]
) -> None:
    """Trouble that stays is raised after the permitted number of tries, under its own name."""
    recorder = Recorder(answers(trouble))
    with pytest.raises(error):
        await fetch(recorder)
    assert len(recorder.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RejectedError), (403, AccessDeniedError), (404, NotFoundError), (409, RejectedError)],
)
async def test_refusals_are_not_tried_again(status: int, error: type[ServiceError]) -> None:
    """What trying again cannot mend is raised at once, with the service's code but not its text."""
    answer = httpx.Response(status, json={"error": {"code": "TheCode", "message": "secret text"}})
    recorder = Recorder(answers(answer))
    with pytest.raises(error) as caught:
        await fetch(recorder)
    assert len(recorder.requests) == 1
    assert caught.value.code == "TheCode"
    assert "GET /v1.0/users: " in str(caught.value)
    assert "secret text" not in str(caught.value)


async def test_refused_token_is_replaced_once() -> None:
    """A revoked token is dropped and a fresh one tried, once."""
    recorder = Recorder(answers(httpx.Response(401), GOOD))
    assert (await fetch(recorder)).name == "x"
    assert recorder.tokens.forgotten == ["the-audience"]
    recorder = Recorder(answers(httpx.Response(401)))
    with pytest.raises(AccessDeniedError):
        await fetch(recorder)
    assert len(recorder.requests) == 2


async def test_dripping_answer_is_cut_off() -> None:
    """The time-out bounds the whole call, also when bytes keep coming one by one."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0)

    recorder = Recorder(lambda _: httpx.Response(200, content=drip()))
    service = recorder.service(tries=1, timeout=0.05)
    with pytest.raises(UnreachableError, match="TimeoutError"):
        await service.call(LIST_USERS, Thing.model_validate_json)


async def test_deeply_nested_error_body_is_no_trouble() -> None:
    """An error body that is nested beyond reading gives an error without a code."""
    recorder = Recorder(answers(httpx.Response(400, content=b"[" * 100_000)))
    with pytest.raises(RejectedError):
        await fetch(recorder)


async def test_retry_after_is_waited_for() -> None:
    """Rule 7: the pause before the next try is at least what the service asked for."""
    recorder = Recorder(answers(httpx.Response(429, headers={"Retry-After": "17"}), GOOD))
    await fetch(recorder)
    assert recorder.clock.passed == pytest.approx(17, abs=1e-6) or recorder.clock.passed > 17


async def test_throttled_answers_are_counted_for_the_log() -> None:
    """Each answer that asks to wait counts for the work that met it; a plain 503 does not ask."""
    wait = {"Retry-After": "1"}
    with operation() as here:
        await fetch(Recorder(answers(httpx.Response(429), httpx.Response(503, headers=wait), GOOD)))
        await fetch(Recorder(answers(httpx.Response(503), GOOD)))
    assert here.throttled == 2


async def test_very_long_retry_after_is_reported_not_waited_for() -> None:
    """A pause of many minutes ends the call, so that a queue message is not held for it."""
    recorder = Recorder(answers(httpx.Response(429, headers={"Retry-After": "3600"}), GOOD))
    with pytest.raises(ThrottledError, match=r"wait 3\d{3} s"):
        await fetch(recorder)
    assert len(recorder.requests) == 1


async def test_missing_field_is_named_without_its_neighbors() -> None:
    """An answer that lacks a field is refused with the field's name and no value of the answer."""
    recorder = Recorder(answers(httpx.Response(200, json={"passcode": "73519846"})))
    with pytest.raises(ContractError, match="field name: Field required") as caught:
        await fetch(recorder)
    assert "73519846" not in str(caught.value)


async def test_token_goes_along_and_never_to_another_host() -> None:
    """Calls carry the token of the service's resource; a link to another host is not followed."""
    recorder = Recorder(answers(GOOD))
    await fetch(recorder, f"{ORIGIN}/v1.0/users?$skiptoken=2")
    assert recorder.requests[0].headers["Authorization"] == "Bearer token-for-the-audience"
    for elsewhere in (
        "https://evil.example/",
        "http://service.example/",
        "https://service.example:444/",
    ):
        with pytest.raises(ContractError, match="another host"):
            await fetch(recorder, elsewhere)
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("1e999", None),
        (None, None),
    ],
)
def test_retry_after_forms(value: str | None, seconds: float | None) -> None:
    """Retry-After is understood as seconds and as an HTTP date."""
    headers = {} if value is None else {"Retry-After": value}
    assert pause(headers, datetime(2026, 11, 23, 12, tzinfo=UTC)) == seconds


class SlowTokens(StaticTokens):
    """Each token takes the clock three seconds."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    async def token(self, resource: str) -> str:
        await self.clock.sleep(3)
        return await super().token(resource)


@pytest.mark.parametrize(("within", "asked"), [(2, 0), (5, 1), (7, 2)])
async def test_the_time_for_a_turn_counts_from_the_call(within: float, asked: int) -> None:
    """A token that takes long, and one that replaces a refused one, use up the time that a call has."""
    recorder = Recorder(answers(httpx.Response(401), GOOD))
    recorder.tokens = SlowTokens(recorder.clock)
    service = recorder.service()
    fetching = service.call(LIST_USERS, Thing.model_validate_json, within=within)
    if asked == 2:
        assert await fetching == Thing(name="x")
    else:
        with pytest.raises(LateTurnError):
            await fetching
    assert len(recorder.requests) == asked
