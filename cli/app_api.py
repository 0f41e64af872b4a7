"""Client of a deployed app's HTTP API (docs/api.md): key, retries and errors."""

import os
import time
from typing import Any, Final, Self

import httpx

from cli.errors import CommandError
from shared.addresses import keeps_secrets
from shared.text import harmless

UNREACHABLE: Final = 3
_TIMEOUT: Final = httpx.Timeout(30, read=230)
"""Seconds; Azure ends an HTTP request after 230 (Functions scale and hosting, time-out)."""


_OPENS: Final = (
    "set ACP_APP_KEY to a function key, or ACP_APP_TOKEN to a token where people sign in"
)


class KeyRefusedError(CommandError):
    """The app accepts neither key nor token, or the token's owner lacks the app role."""


class AppApi:
    """One app's API. Context manager.

    url: the app's address. Credentials come from the environment: ACP_APP_KEY, a function key, or
    ACP_APP_TOKEN, an access token for an API where people sign in. CommandError: the app refused
    (status 2) or cannot be reached (status 3).
    """

    def __init__(self, url: str) -> None:
        key, token = os.environ.get("ACP_APP_KEY"), os.environ.get("ACP_APP_TOKEN")
        headers = {"x-functions-key": key} if key else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=base_url(url), headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Make one call below `/api/`; return its JSON. Network failures are retried."""
        answer = self._try(method, path, request)
        if answer.status_code in (401, 403):
            detail = _problem(answer).get("detail") or "the key is missing or wrong"
            raise KeyRefusedError(f"the app says: {harmless(str(detail))}; {_OPENS}", UNREACHABLE)
        problem = _problem(answer)
        if answer.is_success:
            if "json" in answer.headers.get("content-type", ""):
                return problem
            raise CommandError(f"{self._http.base_url} is not the app's address: no JSON", 2)
        faults = [f"{fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", ())]
        detail = "; ".join(faults) or problem.get("detail") or f"HTTP {answer.status_code}"
        detail = harmless(str(detail))
        raise CommandError(f"the app says: {detail}", 2 if answer.is_client_error else UNREACHABLE)

    def _try(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        error: httpx.HTTPError | None = None
        for pause in (0.0, 1.0, 4.0):
            time.sleep(pause)
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as failure:
                error = failure
                continue
            if answer.status_code not in (502, 503, 504):
                return answer
            error = None
        if error is not None:
            name = type(error).__name__
            raise CommandError(
                f"{self._http.base_url} cannot be reached ({name}); is --app its address?",
                UNREACHABLE,
            )
        return answer


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer, or an empty one."""
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def base_url(url: str) -> str:
    """Return the address of an app's API; CommandError: the key would be sent unencrypted."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CommandError(f"--app {url!r} is no address ({error})", 2) from error
    if not address.host or not keeps_secrets(url):
        raise CommandError(f"--app {url!r}: an https:// address is needed", 2)
    return f"{url.rstrip('/')}/api/"
