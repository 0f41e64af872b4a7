"""The commands of `acp` that serve, as child processes: the simulated tenant, and a functions host.

Each listens on a free port of loopback and has a client for its own address.
"""

import os
import socket
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from local.errors import LocalError
from local.processes import Child
from local.worlds import World

if TYPE_CHECKING:
    import httpx

ROOT: Final = Path(__file__).parents[1]
"""The repository: the app's folder."""

START_LIMIT: Final = 120.0
"""Seconds until a process must be ready, and a call answered: the machine may be busy."""

_LOOPBACK: Final = "127.0.0.1"
_READY: Final = r"^ready (http://\S+)$"
_STOP_LIMIT: Final = 10.0
_HOST_OPTIONS: Final = {"ACP_HOST_DRAIN_SECONDS": "5"}
_PREFIXES: Final = ("acp_", "azurewebjobs", "identity_", "imds_", "msi_", "website_")
_SURROUNDINGS: Final = ("http_proxy", "https_proxy", "all_proxy", "ssl_cert_file")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def forget_surroundings(environment: MutableMapping[str, str]) -> None:
    """Remove whatever could lead the app elsewhere than to the stand-ins: its settings, and proxies.

    A developer's shell may point at a live tenant; nothing here must ever talk to one. So no certificate
    is trusted either: all is plain HTTP here, and to read them takes each client as long as a call.
    """
    for name in list(environment):
        if name.casefold().startswith(_PREFIXES) or name.casefold() in _SURROUNDINGS:
            del environment[name]
    environment["NO_PROXY"] = environment["no_proxy"] = "*"
    environment["SSL_CERT_DIR"] = os.devnull


class _Command(Child):
    """A command of `acp` that serves, as a child process; `origin` is its address.

    Its output is appended to `folder`/COMMAND.log.
    """

    def __init__(
        self,
        command: str,
        options: Sequence[object],
        folder: Path,
        environment: Mapping[str, str] | None,
    ) -> None:
        inherited = dict(os.environ)
        forget_surroundings(inherited)
        super().__init__(
            f"the {command}",
            [sys.executable, "-m", "cli", command, *map(str, options)],
            log=folder / f"{command}.log",
            environment=environment,
            inherited=inherited,
            folder=ROOT,
        )
        self.origin = ""

    @cached_property
    def http(self) -> "httpx.Client":
        """A client for this address, closed by `close`."""
        import httpx  # noqa: PLC0415 - the demo starts its processes before it imports much

        return httpx.Client(
            base_url=self.origin,
            timeout=START_LIMIT,
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP
        )

    def launch(self) -> None:
        """Begin to start it, and let the caller do something else."""
        super().start()

    def wait_until_ready(self) -> None:
        """Return when it takes requests; `origin` is known then."""
        self.origin = self.wait_for_line(_READY, START_LIMIT)[1]

    def start(self) -> None:
        """Start it, and return when it takes requests; `ChildError` when it does not."""
        self.launch()
        self.wait_until_ready()

    def stop(self, limit: float = _STOP_LIMIT) -> int | None:
        """Stop it in order, see `Child.stop`."""
        return super().stop(limit)

    def close(self) -> None:
        """Stop it, and close the connections to it."""
        self.stop()
        if "http" in self.__dict__:
            self.http.close()
            del self.http

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TenantProcess(_Command):
    """A simulated tenant, with its control API. options: further ones of `acp tenant`."""

    def __init__(
        self,
        folder: Path,
        *,
        users: int,
        seed: int = 1,
        lag: float = 0,
        world: World = World.THIRD_PARTIES,
        options: Sequence[object] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        known = ("--port", 0, "--users", users, f"--seed={seed}", "--lag", lag, "--world", world)
        self.world = world
        super().__init__("tenant", [*known, *options], folder, environment)

    @cached_property
    def id(self) -> str:
        """The tenant's id (a GUID)."""
        return str(self.summary()["tenantId"])

    def control(self, verb: str, path: str, body: object = None) -> dict[str, Any]:
        """Call the control API, see local/tenant/README.md."""
        answer = self.http.request(verb, f"/_tenant/{path}", json=body)
        content: dict[str, Any] = answer.raise_for_status().json()
        return content

    def summary(self) -> dict[str, Any]:
        """Return the tenant's id and totals."""
        return self.control("GET", "state?summary=true")

    def totals(self) -> dict[str, Any]:
        """Return how many users there are of each sort."""
        totals: dict[str, Any] = self.summary()["totals"]
        return totals


class AppHost(_Command):
    """A functions host that runs the app at a fixed address; killed or stopped, it starts again there.

    app: the folder of function_app.py. settings: the app's, and the host's own (`ACP_HOST_...`); the
    attribute has the app's only.
    """

    def __init__(
        self,
        folder: Path,
        app: Path,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        port = port or free_port()
        origin = f"http://{_LOOPBACK}:{port}"
        settings = {**_HOST_OPTIONS, "ACP_PUBLIC_URL": origin, **settings}
        given = {**(environment or {}), **settings}
        super().__init__("host", ["--port", port, "--root", app], folder, given)
        own = {name: value for name, value in settings.items() if not name.startswith("ACP_HOST_")}
        self.settings = own
        self.origin = origin

    def start(self, **settings: str) -> None:
        """Start it, see `_Command.start`; `settings` win over those of before."""
        self.environment |= settings
        super().start()

    def run(self, function: str, limit: float = START_LIMIT, *, given: str = "") -> None:
        """Run a function now and wait for its end; `LocalError` when it fails. given: a queue message."""
        path, body = f"/admin/functions/{function}", {"input": given}
        answer = self.http.post(path, params={"wait": "true"}, json=body, timeout=limit)
        if not answer.is_success:
            raise LocalError(f"{function} failed: {answer.text}")

    def upkeep(self, part: str) -> None:
        """Do a part of the upkeep now and wait for its end, as `run` does."""
        self.run("run_upkeep", given=part)

    def begin(self, function: str) -> None:
        """Run a function now and wait for nothing."""
        self.http.post(f"/admin/functions/{function}", json={}).raise_for_status()

    def counters(self, function: str) -> dict[str, int]:
        """Return how many runs of a function are `running`, have `succeeded`, have `failed`."""
        row = self.functions()[function]
        return {name: row[name] for name in ("running", "succeeded", "failed")}

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return each function's `trigger` with its counters."""
        status = self.http.get("/admin/host/status").raise_for_status().json()
        functions: dict[str, dict[str, Any]] = status["functions"]
        return functions
