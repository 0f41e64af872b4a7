"""The local Functions host with the real app, as a child process."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from local.processes import Child
from tests.e2e.tenant import PATIENCE

ROOT = Path(__file__).parents[2]
"""The repository: the app's folder."""


class Host:
    """A host on a fixed free port, so that it can be killed and started again at its address.

    `environment` are the app's settings; `folder` gets the log; `app` holds function_app.py.
    """

    def __init__(self, folder: Path, app: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._app = app
        self._environment = {**environment, "ACP_PUBLIC_URL": self.origin}
        self._http = httpx.Client(base_url=self.origin, timeout=PATIENCE, trust_env=False)
        self._child: Child | None = None

    def start(self, **settings: str) -> None:
        """Start it and return when it takes requests; `settings` win over those of before."""
        self._environment |= settings
        self._child = Child(
            "the host",
            [
                sys.executable,
                "-m",
                "cli",
                "host",
                "--port",
                str(self.port),
                "--root",
                str(self._app),
            ],
            log=self._folder / "host.log",
            environment=self._environment,
            folder=ROOT,
        )
        self._child.start()
        self._child.wait_for_line(r"^ready http://", PATIENCE)

    def kill(self) -> None:
        """SIGKILL: the host has no chance to finish anything."""
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """Stop it in order. May be called again, and without a start."""
        if self._child is not None:
            self._child.stop(limit=10)

    def close(self) -> None:
        """Stop it and close the connections to it."""
        self.stop()
        self._http.close()

    @property
    def log(self) -> str:
        """Everything that the host and the app have logged so far, over all its lives."""
        return (self._folder / "host.log").read_text(errors="replace")

    def run(self, function: str) -> None:
        """Run a timer function now and wait for its end; its failure fails the test."""
        answer = self._http.post(f"/admin/functions/{function}", params={"wait": "true"}, json={})
        assert answer.status_code == httpx.codes.OK, answer.text

    def looks(self) -> int:
        """How many messages `move_users` has taken so far."""
        functions: dict[str, dict[str, int]] = self._get("/admin/host/status")["functions"]
        counters = functions["move_users"]
        return sum(counters[name] for name in ("running", "succeeded", "failed"))

    def health(self) -> httpx.Response:
        """What the health function answers."""
        return self._http.get("/api/health")

    def webhook(self, body: object = None, **request: Any) -> httpx.Response:
        """Post to the webhook, as Graph does: `body` as JSON, or whatever httpx takes."""
        if body is not None:
            request["json"] = body
        return self._http.post("/api/graph/notifications", **request)

    def event_grid(self, *events: object) -> httpx.Response:
        """Post CloudEvents, as Event Grid does."""
        return self._http.post(
            self.event_grid_url, headers={"aeg-event-type": "Notification"}, json=list(events)
        )

    @property
    def event_grid_url(self) -> str:
        """Where Event Grid delivers."""
        return f"{self.origin}/runtime/webhooks/EventGrid?functionName=license_events"

    def _get(self, path: str) -> dict[str, Any]:
        content: dict[str, Any] = self._http.get(path).raise_for_status().json()
        return content


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
