"""Client of a deployed app's HTTP API (docs/api.md): key, retries and errors."""

import os
import time
from typing import Any, Final, Self

import httpx
from pydantic import BaseModel, ValidationError

from cli.errors import CommandError
from shared.addresses import keeps_secrets
from shared.clients.http import own_link
from shared.clients.reading import ACCEPTED, MOST, LongBodyError, read_sync
from shared.clients.values import describe, printable, read_object

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
        headers = {**ACCEPTED, **({"x-functions-key": key} if key else {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=base_url(url), headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Make one call below `/api/`; return its JSON. Network failures are retried."""
        status, headers, body = self._try(method, path, request)
        problem = read_object(body)
        if status in (401, 403):
            detail = _text(problem.get("detail")) or "the key is missing or wrong"
            raise KeyRefusedError(f"the app says: {detail}; {_OPENS}", UNREACHABLE)
        if httpx.codes.is_success(status):
            if "json" in headers.get("content-type", ""):
                return problem
            raise CommandError(f"{self._http.base_url} is not the app's address: no JSON", 2)
        detail = "; ".join(_faults(problem)) or _text(problem.get("detail")) or f"HTTP {status}"
        raise CommandError(
            f"the app says: {detail}", 2 if httpx.codes.is_client_error(status) else UNREACHABLE
        )

    def read[Model: BaseModel](
        self, kind: type[Model], method: str, path: str, **request: Any
    ) -> Model:
        """Make one call as `call` does; return its answer as a model. CommandError: it is none."""
        try:
            return kind.model_validate(self.call(method, path, **request))
        except ValidationError as error:
            raise CommandError(
                f"the answer of {self._http.base_url} cannot be read: {describe(error)}; "
                "is the app of the same version?",
                UNREACHABLE,
            ) from None

    def path_of(self, link: str) -> str:
        """Return the path below `/api/` of a link from the app; CommandError: it leads elsewhere."""
        try:
            address = own_link(self._http.base_url, str(self._http.base_url.join(link)))
        except (httpx.InvalidURL, ValueError):
            address = None
        root = self._http.base_url.raw_path
        if address is None or not address.raw_path.startswith(root):
            # The key must not be sent to another host.
            raise CommandError("the app's answer leads to another host; nothing was sent there", 2)
        return address.raw_path.removeprefix(root).decode()

    def _try(
        self, method: str, path: str, request: dict[str, Any]
    ) -> tuple[int, httpx.Headers, bytes]:
        name = ""
        for pause in (0.0, 1.0, 4.0):
            time.sleep(pause)
            try:
                with self._http.stream(method, path, **request) as answer:
                    body = read_sync(answer)
            except LongBodyError:
                too_long = f"the answer of {self._http.base_url} is longer than {MOST // 2**20} MiB"
                raise CommandError(too_long, UNREACHABLE) from None
            except httpx.HTTPError as failure:
                name = type(failure).__name__
                continue
            if answer.status_code not in (502, 503, 504):
                break
            name = ""
        if name:
            raise CommandError(
                f"{self._http.base_url} cannot be reached ({name}); is --app its address?",
                UNREACHABLE,
            )
        return answer.status_code, answer.headers, body


def _faults(problem: dict[str, Any]) -> list[str]:
    """Return what the app says is wrong, field by field."""
    errors = problem.get("errors")
    faults = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    return [f"{_text(each.get('pointer'))}: {_text(each.get('detail'))}" for each in faults[:20]]


def _text(value: object) -> str:
    """Return a text that the app sent, cut and on one line; "" for anything else."""
    return printable(value[:2_000]) if isinstance(value, str) else ""


def base_url(url: str) -> str:
    """Return the address of an app's API; CommandError: the key would be sent unencrypted."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CommandError(f"--app {url!r} is no address ({error})", 2) from error
    if not address.host or not keeps_secrets(url):
        raise CommandError(f"--app {url!r}: an https:// address is needed", 2)
    return f"{url.rstrip('/')}/api/"
