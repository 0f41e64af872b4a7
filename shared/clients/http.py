"""HTTP client of one service: token, time-out, retries and throttling, in one place."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from shared.addresses import keeps_secrets
from shared.clients.answers import allowed_verbs, error_of, has_expired, parse_body
from shared.clients.identity import TokenSource
from shared.clients.limiter import LateError, Limiter, LongPauseError
from shared.clients.pages import Page, Trail
from shared.clients.reading import ACCEPTED, MOST, LongBodyError, read
from shared.clients.values import Fault, number, pause
from shared.clients.wire import Call, constant_of
from shared.clock import Clock
from shared.errors import (
    AccessDeniedError,
    ContractError,
    InvalidResponseError,
    LateTurnError,
    RejectedError,
    RetryLaterError,
    SettingsError,
    TransientError,
    UnreachableError,
)
from shared.telemetry.events import ElementsUnreadable, VerbRefused
from shared.telemetry.log import EventLog
from shared.telemetry.operation import count_throttled

_MOST_SHARE: Final = 10.0


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
        log: EventLog | None = None,
    ) -> None:
        self.name = name
        self.log = log or EventLog("acp.clients")
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
        self._wrong_verbs: set[Call] = set()

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
        asks: Callable[[T], float | None] = lambda _: None,
    ) -> T:
        """Make `call` and return the answer's body parsed by `parse`.

        url: an absolute address the service gave (a next link) in place of the call's own path.
        tries: calls at most, if not the usual number. Transient errors are tried again, with pauses
        that grow and vary; then the last is raised. first: before calls that are not. within:
        LateTurnError when the call has no turn after so many seconds, in which its token is fetched
        and a refused one replaced; it is not made then. asks: the seconds that a good answer asks to wait
        for, because what it has inside was throttled, or None.
        """
        deadline = None if within is None else self._clock.monotonic() + within
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
                    first=first,
                    deadline=deadline,
                    asks=asks,
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

    async def pages[T](
        self,
        call: Call,
        parse: Callable[[bytes], Page[T]],
        *,
        url: str | None = None,
        repeats: int = 3,
        headers: Mapping[str, str] | None = None,
        wait: Callable[[float], Awaitable[bool]] | None = None,
        **first: Any,
    ) -> AsyncIterator[Page[T]]:
        """Yield the pages of a listing from its first one, or from `url`, to its end.

        first: what only the first call takes, see `call`. repeats: see `Trail`. wait: waits where the
        service asks for a longer pause than a call waits; False: RetryLaterError. ListingError: the
        listing cannot be trusted. ExpiredError: the next page is too old. Elements that cannot be
        read are logged and left out.
        """

        def resolve(link: str) -> str:
            self.check_link(call, link)
            return link

        trail = Trail(self.name, str(call), resolve, repeats=repeats)
        while True:
            request = {"url": url} if url else first
            try:
                page = await self.call(call, parse, headers=headers, **request)
            except RetryLaterError as pause:
                if wait and await wait(pause.seconds):
                    continue
                raise
            except RejectedError as error:
                if url and has_expired(error):
                    raise trail.expired(error.detail) from None
                raise
            self.report(call, page.faults)
            # Before the page is used: one of a listing that cannot be trusted is none.
            url = trail.next(page, url)
            yield page
            if url is None:
                return

    def report(self, call: Call, faults: Sequence[Fault]) -> None:
        """Log that elements of an answer could not be read, once per answer."""
        if faults:
            self.log.write(
                ElementsUnreadable(call=str(call), elements=len(faults), reason=faults[0][1])
            )

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
        first: bool,
        deadline: float | None,
        asks: Callable[[T], float | None],
        **request: Any,
    ) -> T:
        token = await self._tokens.token(self._audience)
        sent = {
            **ACCEPTED,
            **(request.pop("headers") or {}),
            "Authorization": f"Bearer {token}",
        }
        within = None if deadline is None else deadline - self._clock.monotonic()
        slot = self.limiter.slot(self._retries.longest_wait, first=first, within=within)
        try:
            # httpx's own time-outs are per read; this one bounds the whole call.
            async with (
                slot as started,
                asyncio.timeout(self._timeout),
                self._http.stream(call.method, target, headers=sent, **request) as answer,
            ):
                body = await read(answer)
        except LongPauseError as pause:
            raise RetryLaterError(self.name, str(call), pause.seconds) from None
        except LateError:
            raise LateTurnError(self.name, str(call), "no turn in time") from None
        except httpx.DecodingError as error:
            raise InvalidResponseError(self.name, str(call), str(error)) from None
        except LongBodyError:
            too_long = f"the answer is longer than {MOST // 2**20} MiB"
            raise ContractError(self.name, str(call), too_long) from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise UnreachableError(self.name, str(call), type(error).__name__) from None
        if answer.is_success:
            found = parse_body(self.name, call, body, parse)
            self._learn(answer, started, asks(found))
            return found
        self._learn(answer, started, None)
        if answer.status_code == httpx.codes.METHOD_NOT_ALLOWED and call not in self._wrong_verbs:
            self._wrong_verbs.add(call)
            allowed, constant = allowed_verbs(answer.headers), constant_of(call)
            self.log.write(VerbRefused(call=str(call), allowed=allowed, constant=constant))
        raise error_of(self.name, call, answer.status_code, body, answer.headers)

    def _learn(self, answer: httpx.Response, started: float, inside: float | None) -> None:
        wait = pause(answer.headers, self._clock.now())
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and wait is not None
        ):
            count_throttled()
            self.limiter.throttled(started, wait if wait is not None else self._retries.base)
        elif inside is not None:
            self.limiter.throttled(started, inside)
        elif answer.is_success:
            share = answer.headers.get("x-ms-throttle-limit-percentage")
            self.limiter.succeeded(started, number(share, _MOST_SHARE))

    @property
    def origin(self) -> httpx.URL:
        """Scheme, host and port of the service."""
        return self._origin

    def check_link(self, call: Call, url: str) -> httpx.URL:
        """Return a link from the service; ContractError when it leads to another host."""
        target = own_link(self._origin, url)
        if target is None:
            # The token must not be sent to another host.
            raise ContractError(self.name, str(call), "the link leads to another host")
        return target


def own_link(origin: httpx.URL, url: str) -> httpx.URL | None:
    """Return an absolute link, or None when it leads to another scheme, host or port, or names a user."""
    try:
        target = httpx.URL(url)
        given = (target.scheme, target.raw_host, target.port)
        alike = given == (origin.scheme, origin.raw_host, origin.port) and not target.userinfo
    except (httpx.InvalidURL, ValueError, TypeError):
        return None
    return target if alike else None
