"""Sign-in of the administrator by device code, for work in this process without a managed identity.

Source: "OAuth 2.0 device authorization grant" (learn.microsoft.com/entra/identity-platform). The
tokens stay in this process's memory: nothing is written to disk.
"""

import asyncio
import threading
from typing import Any

import msal
import requests
from azure.core.credentials import AccessToken

from cli.output import tell
from shared.clients.identity import CachedTokens, TimedSession, read_token
from shared.errors import AccessDeniedError, UnreachableError
from shared.text import plain


class DeviceSignIn(CachedTokens):
    """Tokens of a person who signs in on a web page with the code shown here.

    client_id: a public client application. authority: sign-in address and tenant. known: whether the
    address is one of Microsoft's.
    """

    def __init__(self, client_id: str, authority: str, timeout: float, *, known: bool) -> None:
        super().__init__()
        self._client_id = client_id
        self._authority = authority
        self._timeout = timeout
        self._known = known
        self._one_at_a_time = threading.Lock()
        self._gave_up = threading.Event()
        self._client: Any = None

    @property
    def account(self) -> str | None:
        """The name of the person who signed in, or None before that."""
        accounts = self._client.get_accounts() if self._client else []
        return str(accounts[0].get("username")) if accounts else None

    def renew(self) -> None:
        """Sign in again at the next token: the service refused the current one."""
        self._client = None

    async def access_token(self, resource: str) -> AccessToken:
        """Return a token; a person who is interrupted while signing in stops waiting for it."""
        try:
            return await super().access_token(resource)
        except asyncio.CancelledError:
            self._gave_up.set()
            raise

    def acquire(self, resource: str) -> AccessToken:
        """Use the existing sign-in, else ask the person; blocks until the person is done."""
        scopes = [f"{resource}/.default"]
        with self._one_at_a_time:
            if self._gave_up.is_set():
                raise AccessDeniedError("identity", "device code", "interrupted")
            try:
                answer = self._silently(scopes) or self._by_code(scopes)
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                detail = f"{type(error).__name__}; is {self._authority} reachable?"
                raise UnreachableError("identity", f"token for {resource}", detail) from None
        said = str(answer.get("error_description", "")).partition("\n")[0]
        return read_token(answer, resource, f"could not sign in: {said or answer.get('error')}")

    def _silently(self, scopes: list[str]) -> dict[str, Any] | None:
        if self._client is None:
            self._client = msal.PublicClientApplication(
                self._client_id,
                authority=self._authority,
                http_client=TimedSession(self._timeout),
                instance_discovery=None if self._known else False,
            )
        accounts = self._client.get_accounts()
        if not accounts:
            return None
        found: dict[str, Any] | None = self._client.acquire_token_silent(scopes, accounts[0])
        return found

    def _by_code(self, scopes: list[str]) -> dict[str, Any]:
        flow = self._client.initiate_device_flow(scopes)
        if "user_code" not in flow:
            said = flow.get("error_description") or flow.get("error")
            raise AccessDeniedError("identity", "device code", f"could not sign in: {said}")
        tell(plain(flow["message"]))
        answer: dict[str, Any] = self._client.acquire_token_by_device_flow(
            flow, exit_condition=lambda _: self._gave_up.is_set()
        )
        return answer
