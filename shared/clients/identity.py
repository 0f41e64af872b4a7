"""Managed identity: the app's tokens, through msal.

Source: "How to use managed identities for App Service and Azure Functions", REST endpoint reference
(learn.microsoft.com/azure/app-service/overview-managed-identity).
"""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Any, Protocol

import msal
import requests
from azure.core.credentials import AccessToken
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from shared.errors import AccessDeniedError, ServiceError, UnreachableError

_REFRESH_BEFORE = 300
"""Seconds before its expiry at which a token is no longer used."""


_SHARE_FAILURE = 2.0
"""Seconds for which a failure to get a token is cached."""


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
            if known is None or known.expires_on - time.time() < _REFRESH_BEFORE:
                known = self._tokens[resource] = await self._ask(resource)
            return known

    def forget(self, resource: str) -> None:
        """Discard the cached token: the service refused it."""
        if self._tokens.pop(resource, None):
            self.renew()

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
        except (requests.RequestException, msal.ManagedIdentityError, ValueError) as error:
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
        code = str(answer.get("error", ""))
        raise AccessDeniedError("identity", f"token for {resource}", refusal, code=code)
    return AccessToken(answer["access_token"], int(time.time()) + int(answer["expires_in"]))


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
    """A requests session with a time-out and retries, which msal's clients lack."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout
        retries = Retry(total=3, backoff_factor=0.3, status_forcelist=(429, 500, 502, 503, 504))
        self.mount("http://", HTTPAdapter(max_retries=retries))
        self.mount("https://", HTTPAdapter(max_retries=retries))

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send, but never without a time-out."""
        kwargs.setdefault("timeout", self._timeout)
        return super().request(*args, **kwargs)
