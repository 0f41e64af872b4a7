"""Managed identity: the app's tokens, through msal.

Source: "How to use managed identities for App Service and Azure Functions", REST endpoint reference
(learn.microsoft.com/azure/app-service/overview-managed-identity).
"""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any, Protocol

import msal
import requests
from azure.core.credentials import AccessToken
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from shared.clients.values import number, pause
from shared.errors import (
    AccessDeniedError,
    InvalidResponseError,
    ServiceError,
    UnreachableError,
)

_REFRESH_BEFORE = 300
"""Seconds before its expiry at which a token is no longer used."""

_USABLE = 5
"""Seconds that a token must have left to be used when no new one can be had."""

_SHARE_FAILURE = 2.0
"""Seconds for which a failure to get a token is cached."""

_SPARE_ENDPOINT = 30.0
"""Seconds for which an endpoint that failed is not asked by those who still have a token."""

_LONGEST_LIFE = 86_400.0
"""Seconds: managed identities' tokens live for up to a day; a longer life is not believed."""

_LONGEST_PAUSE = 30.0
"""Seconds: a thread does not sleep longer for the identity endpoint."""

_MOST = 1024 * 1024
"""Bytes of an answer of the identity endpoint: a token has some thousands."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,100000}")


class TokenSource(Protocol):
    """A source of bearer tokens."""

    async def token(self, resource: str) -> str:
        """Return a valid access token for `resource`."""
        ...

    def forget(self, resource: str) -> None:
        """Discard the cached token: the service refused it."""
        ...


class CachedTokens(ABC):
    """Tokens by resource, cached until shortly before they expire; many callers, one request."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}
        self._failures: dict[str, tuple[float, ServiceError]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def token(self, resource: str) -> str:
        """Return an access token for `resource`.

        Raises AccessDeniedError when the endpoint refuses, UnreachableError when it does not answer.
        """
        return (await self.access_token(resource)).token

    async def access_token(self, resource: str) -> AccessToken:
        """Return the token with its expiry (epoch seconds)."""
        async with self._locks.setdefault(resource, asyncio.Lock()):
            known = self._tokens.get(resource)
            left = known.expires_on - time.time() if known else 0.0
            if known and (
                left >= _REFRESH_BEFORE or (left > _USABLE and self._just_failed(resource))
            ):
                return known
            try:
                found = self._tokens[resource] = await self._ask(resource)
            except ServiceError:
                if known and known.expires_on - time.time() > _USABLE:
                    return known  # it opens the service, whatever the endpoint says
                raise
            return found

    def forget(self, resource: str) -> None:
        """Discard the cached token: the service refused it."""
        if self._tokens.pop(resource, None):
            self.renew()

    def _just_failed(self, resource: str) -> bool:
        """Return whether the endpoint failed so lately that a caller with a token does not ask it."""
        failed_at, _ = self._failures.get(resource, (float("-inf"), None))
        return time.monotonic() - failed_at < _SPARE_ENDPOINT

    async def _ask(self, resource: str) -> AccessToken:
        # Callers that waited for a failing call share its failure instead of repeating it one by one.
        failed_at, failure = self._failures.get(resource, (float("-inf"), None))
        if failure is not None and time.monotonic() - failed_at < _SHARE_FAILURE:
            raise failure
        try:
            return await asyncio.to_thread(self.acquire, resource)
        except ServiceError as error:
            self._failures[resource] = (time.monotonic(), error)
            raise

    @abstractmethod
    def acquire(self, resource: str) -> AccessToken:
        """Return a new token, from a separate thread; raises ServiceError."""

    @abstractmethod
    def renew(self) -> None:
        """Clear the underlying cache, because it may contain the refused token."""


class Identity(CachedTokens):
    """The managed identity: one msal client per process."""

    def __init__(self, client_id: str | None, timeout: float) -> None:
        super().__init__()
        self._kind = (
            msal.UserAssignedManagedIdentity(client_id=client_id)
            if client_id
            else msal.SystemAssignedManagedIdentity()
        )
        self._timeout = timeout
        self.renew()

    def renew(self) -> None:
        """Recreate msal's client, because it keeps its own copy of a token."""
        session = TimedSession(self._timeout)
        self._client = msal.ManagedIdentityClient(self._kind, http_client=session)

    def acquire(self, resource: str) -> AccessToken:
        """Ask the platform's identity endpoint."""
        try:
            answer: dict[str, Any] = self._client.acquire_token_for_client(resource=resource)
        except Exception as error:  # noqa: BLE001 - whatever msal makes of a malformed answer
            # Its cache may hold what cannot be read.
            self.renew()
            raise UnreachableError(
                "identity",
                f"token for {resource}",
                f"{type(error).__name__}; is IDENTITY_ENDPOINT set? (Azure does; on your own machine "
                "set ACP_SIGN_IN_CLIENT_ID to sign in yourself)",
            ) from None
        return read_token(
            answer, resource, "refused; is the managed identity assigned to this app?"
        )


def read_token(answer: dict[str, Any], resource: str, refusal: str) -> AccessToken:
    """Return the token in msal's answer; AccessDeniedError with `refusal` when there is none."""
    if "access_token" not in answer:
        code = str(answer.get("error", ""))[:64]
        raise AccessDeniedError("identity", f"token for {resource}", refusal, code=code)
    token, life = answer["access_token"], number(answer.get("expires_in"), _LONGEST_LIFE)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not life:
        wrong = "the answer has no token that can be used"
        raise InvalidResponseError("identity", f"token for {resource}", wrong)
    return AccessToken(token, int(time.time() + life))


class StorageCredential:
    """The same identity as a credential for the Azure storage SDKs."""

    def __init__(self, identity: CachedTokens) -> None:
        self._identity = identity

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token for the first scope (`RESOURCE/.default`)."""
        return await self._identity.access_token(scopes[0].removesuffix("/.default"))

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def __aenter__(self) -> "StorageCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class TimedSession(requests.Session):
    """A requests session with a time-out, bounded retries and bounded answers, which msal's clients lack."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout
        for scheme in ("http://", "https://"):
            self.mount(scheme, _BoundedAdapter())

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send, but never without a time-out."""
        kwargs.setdefault("timeout", self._timeout)
        return super().request(*args, **kwargs)


class _BoundedRetry(Retry):
    """Retries that obey `Retry-After` up to a limit, whatever stands there."""

    def get_retry_after(self, response: Any) -> float | None:
        wait = pause(response.headers, datetime.now(UTC))
        return None if wait is None else min(wait, _LONGEST_PAUSE)


class _BoundedAdapter(HTTPAdapter):
    """Reads no more than a limit of an answer, however small it was when compressed."""

    def __init__(self) -> None:
        statuses = (429, 500, 502, 503, 504)
        super().__init__(
            max_retries=_BoundedRetry(total=3, backoff_factor=0.3, status_forcelist=statuses)
        )

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(*args, **{**kwargs, "stream": True})
        answer.raw = _BoundedBody(answer.raw)
        return answer


class _BoundedBody:
    """The body of an answer, as requests reads it."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._left = _MOST

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; ContentDecodingError: the body is too long."""
        chunk: bytes = self._raw.read(size, decode_content=True)
        self._left -= len(chunk)
        if self._left < 0:
            raise requests.exceptions.ContentDecodingError("the answer is too long")
        return chunk

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()

    def release_conn(self) -> None:
        """Give the connection back to its pool."""
        self._raw.release_conn()
