"""`acp move --app`: have the deployed function app do the work, and follow its run."""

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from cli.app_api import AppApi
from cli.errors import CommandError
from cli.output import tell

_POLL_SECONDS: Final = 2.0


class RemoteApp(AppApi):
    """The runs of a deployed app. Errors and use as for AppApi."""

    def begin(self, body: dict[str, object]) -> str:
        """Begin a run; return its id. Without an answer the request is retried; the run begins only once."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        run = self.call("POST", "moves", json=body, headers=key)
        if paused := run.get("paused"):
            tell(f"warning: {paused}")
        return str(run["id"])

    def follow(self, run: str) -> dict[str, Any]:
        """Show the run's progress until it ends; CommandError: it was interrupted or it failed."""
        said = ""
        while True:
            found = self.call("GET", f"runs/{quote(run, safe='')}")
            counts = ", ".join(f"{name} {count:,}" for name, count in found["counts"].items())
            if counts != said:
                tell(f"  {found['state']}: {counts}")
                said = counts
            if found["state"] in ("finished", "held"):
                return found
            if found["state"] in ("failed", "interrupted"):
                raise CommandError(f"run {run} {found['state']}: {found['reason']}", 1)
            time.sleep(_POLL_SECONDS)

    def results(self, run: str) -> Iterator[dict[str, Any]]:
        """Yield the results of a run."""
        path: str | None = f"runs/{quote(run, safe='')}/results"
        while path:
            page = self.call("GET", path)
            yield from page["results"]
            path = str(page["next"]).removeprefix("/api/") if page.get("next") else None
