"""HTTP client of one service: token, time-out, retries, throttling and errors, in one place."""

import asyncio
import json as jsonlib
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import ValidationError

from shared.addresses import keeps_secrets
from shared.clients.identity import TokenSource
from shared.clients.limiter import LateError, Limiter, LongPauseError
from shared.clients.wire import Call
from shared.clock import Clock
from shared.errors import (
    AccessDeniedError,
    ContractError,
    InvalidResponseError,
    LateTurnError,
    NotFoundError,
    RejectedError,
    RetryLaterError,
    ServerFaultError,
    ServiceError,
    SettingsError,
    ThrottledError,
    TransientError,
    UnreachableError,
)
from shared.telemetry.operation import count_throttled


@dataclass(frozen=True, slots=True)
class Retries:
    """tries: calls at most. base, cap: seconds of the first and the longest pause.

    longest_wait: a `Retry-After` beyond this many seconds is reported instead of waited for, so that
    a queue message is not held for it.
    """

    tries: int = 5
    base: float = 0.5
    cap: float = 20.0
    longest_wait: float = 120.0


class ServiceClient:
    """Client of one service. The caller's function parses answers; errors are those of shared/errors.py."""

    def __init__(
        self,
        name: str,
        origin: str,
        audience: str,
        *,
        http: httpx.AsyncClient,
        tokens: TokenSource,
        limiter: Limiter,
        clock: Clock,
        retries: Retries,
        rng: random.Random,
        timeout: float,
    ) -> None:
        self.name = name
        if not keeps_secrets(origin):
            raise SettingsError(f"{name}: no token is sent to {origin}: neither https:// nor here")
        self._origin = httpx.URL(origin)
        self._audience = audience
        self._http = http
        self._tokens = tokens
        self.limiter = limiter
        self._clock = clock
        self._retries = retries
        self._rng = rng
        self._timeout = timeout

    async def call[T](
        self,
        call: Call,
        parse: Callable[[bytes], T],
        *,
        url: str | None = None,
        ids: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        tries: int | None = None,
        first: bool = False,
        within: float | None = None,
    ) -> T:
        """Make `call` and return the answer's body parsed by `parse`.

        url: an absolute address the service gave (a next link) in place of the call's own path.
        tries: calls at most, if not the usual number. Transient errors are tried again, with pauses
        that grow and vary; then the last is raised. first: before calls that are not. within:
        LateTurnError when the call has no turn after so many seconds; it is not made then.
        """
        tries = tries or self._retries.tries
        target = self.check_link(call, url) if url else self._origin.join(call.path(**ids or {}))
        fresh_token = False
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(
                    call,
                    parse,
                    target,
                    turn={"first": first, "within": within},
                    params=params,
                    headers=headers,
                    json=json,
                )
            except TransientError as error:
                if attempt == tries or isinstance(error, RetryLaterError | LateTurnError):
                    raise
            except AccessDeniedError as error:
                # A token may be revoked before it expires; a new one is tried once.
                if error.status != httpx.codes.UNAUTHORIZED or fresh_token:
                    raise
                # The service refused to process the call: that is not an attempt.
                fresh_token = True
                attempt -= 1
                self._tokens.forget(self._audience)
                continue
            await self.pause(attempt)

    async def pause(self, attempt: int) -> None:
        """Wait before the next try after try number `attempt`: exponential, capped, with full jitter."""
        longest = min(self._retries.cap, self._retries.base * 2 ** (attempt - 1))
        await self._clock.sleep(self._rng.uniform(0, longest))

    async def _once[T](
        self,
        call: Call,
        parse: Callable[[bytes], T],
        target: httpx.URL,
        *,
        turn: dict[str, Any],
        **request: Any,
    ) -> T:
        token = await self._tokens.token(self._audience)
        sent = {**(request.pop("headers") or {}), "Authorization": f"Bearer {token}"}
        try:
            async with self.limiter.slot(self._retries.longest_wait, **turn) as started:
                # httpx's own time-outs are per read; this one bounds the whole call.
                async with asyncio.timeout(self._timeout):
                    answer = await self._http.request(call.method, target, headers=sent, **request)
                self._learn(answer, started)
        except LongPauseError as pause:
            raise RetryLaterError(self.name, str(call), pause.seconds) from None
        except LateError:
            raise LateTurnError(self.name, str(call), "no turn in time") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise UnreachableError(self.name, str(call), type(error).__name__) from None
        if answer.is_success:
            return parse_body(self.name, call, answer.content, parse)
        raise error_of(self.name, call, answer.status_code, answer.content)

    def _learn(self, answer: httpx.Response, started: float) -> None:
        wait = retry_after(answer.headers, self._clock.now())
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and wait is not None
        ):
            count_throttled()
            self.limiter.throttled(started, wait if wait is not None else self._retries.base)
        elif answer.is_success:
            self.limiter.succeeded(started, _share(answer.headers))

    def check_link(self, call: Call, url: str) -> httpx.URL:
        """Return a link from the service; ContractError when it leads to another host."""
        ours = (self._origin.scheme, self._origin.host, self._origin.port)
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            target = httpx.URL("")
        if (target.scheme, target.host, target.port) != ours:
            # The token must not be sent to another host.
            raise ContractError(self.name, str(call), "the link leads to another host")
        return target


def parse_body[T](service: str, call: Call, body: bytes, parse: Callable[[bytes], T]) -> T:
    """Return `parse(body)`; pydantic errors become InvalidResponseError or ContractError, free of values."""
    try:
        return parse(body)
    except ValidationError as error:
        if error.errors(include_input=False, include_url=False)[0]["type"] == "json_invalid":
            raise InvalidResponseError(service, str(call), "the answer is not JSON") from None
        raise ContractError(service, str(call), describe(error)) from None


def describe(error: ValidationError) -> str:
    """Return the first fault as `field NAME: what is wrong`, without the value."""
    fault = error.errors(include_input=False, include_url=False)[0]
    return f"field {'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"


def error_of(service: str, call: Call, status: int, body: bytes) -> ServiceError:
    """Return the error for an HTTP status; it has the service's code, not its text."""
    code = _code(body)
    detail = f"HTTP {status} {code}".rstrip()
    kind: type[ServiceError]
    match status:
        case 401 | 403:
            kind, detail = AccessDeniedError, f"{detail}; a role or permission is missing"
        case 404:
            kind = NotFoundError
        case 429 | 503:
            kind = ThrottledError
        case _ if status == httpx.codes.REQUEST_TIMEOUT or httpx.codes.is_server_error(status):
            kind = ServerFaultError
        case _:
            kind = RejectedError
    return kind(service, str(call), detail, code, status)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds in `Retry-After` (a number or an HTTP date), or None."""
    value = headers.get("Retry-After") or headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _share(headers: httpx.Headers) -> float | None:
    try:
        return float(headers["x-ms-throttle-limit-percentage"])
    except (KeyError, ValueError):
        return None


def _code(body: bytes) -> str:
    """Return the error code of a Graph (`error.code`) or Teams (`code`) error body, or ""."""
    try:
        content = jsonlib.loads(body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(content, dict):
        inner = content.get("error", content)
        if isinstance(inner, dict) and isinstance(inner.get("code"), str):
            return str(inner["code"])[:64]
    return ""
