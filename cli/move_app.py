"""`acp move --app`: the deployed function app does the work, and this command follows its run."""

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import httpx

from cli.errors import CommandError
from cli.output import tell

_LOOK_EVERY: Final = 2.0
_UNREACHABLE: Final = 3
_TIMEOUT: Final = httpx.Timeout(30, read=230)
"""Seconds; Azure ends an HTTP request after 230 (Functions scale and hosting, time-out)."""


class RemoteApp:
    """The HTTP API of a deployed app (docs/api.md). Context manager.

    CommandError: it refused (status 2) or cannot be reached (status 3).
    """

    def __init__(self, url: str, key: str | None) -> None:
        headers = {"x-functions-key": key} if key else {}
        self._http = httpx.Client(base_url=_checked(url), headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> "RemoteApp":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def begin(self, wish: dict[str, object]) -> str:
        """Begin a run; return its id. It is asked for again where no answer came, never twice."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return str(self._call("POST", "moves", json=wish, headers=key)["id"])

    def follow(self, run: str) -> dict[str, Any]:
        """Tell the run's progress until it ends; CommandError: it was interrupted or it failed."""
        said = ""
        while True:
            found = self._call("GET", f"runs/{quote(run, safe='')}")
            counts = ", ".join(f"{name} {count:,}" for name, count in found["counts"].items())
            if counts != said:
                tell(f"  {found['state']}: {counts}")
                said = counts
            if found["state"] == "finished":
                return found
            if found["state"] in ("failed", "interrupted"):
                raise CommandError(f"run {run} {found['state']}: {found['reason']}", 1)
            time.sleep(_LOOK_EVERY)

    def results(self, run: str) -> Iterator[dict[str, Any]]:
        """Yield the results of a run."""
        path: str | None = f"runs/{quote(run, safe='')}/results"
        while path:
            page = self._call("GET", path)
            yield from page["results"]
            path = str(page["next"]).removeprefix("/api/") if page.get("next") else None

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self._try(method, path, request)
        if answer.status_code in (401, 403):
            raise CommandError("the app refuses the key; set ACP_APP_KEY to a function key", 3)
        if answer.is_success:
            content: dict[str, Any] = answer.json()
            return content
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        faults = [f"{fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", ())]
        detail = "; ".join(faults) or problem.get("detail") or f"HTTP {answer.status_code}"
        raise CommandError(f"the app says: {detail}", 2 if answer.is_client_error else _UNREACHABLE)

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
                _UNREACHABLE,
            )
        return answer


def _checked(url: str) -> str:
    """Return the API's address; CommandError: the key would go over the network in the clear."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CommandError(f"--app {url!r} is no address ({error})", 2) from error
    if address.scheme != "https" and address.host not in ("127.0.0.1", "localhost", "::1"):
        raise CommandError(f"--app {url!r}: an https:// address is needed", 2)
    return f"{url.rstrip('/')}/api/"
