"""Azurite, the storage emulator, as a child process of this one.

Facts about Azurite are from its README (https://github.com/Azure/Azurite) and were tried out with
3.37: port 0 takes a free port, which is printed; data is written to the folder every few seconds
and on a clean stop, so `kill` can lose the last seconds.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Self

from local.azurite import install
from local.azurite.node import NODE
from local.errors import ChildError
from local.processes import Child

ACCOUNT = "devstoreaccount1"
"""The account that every Azurite has."""

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""That account's key: public, the same everywhere.
https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
"""

_LIFELINE = Path(__file__).with_name("exit_with_parent.cjs")
_SERVICES = ("blob", "queue", "table")
_START_LIMIT = 120.0
_STOP_LIMIT = 5.0


class Azurite:
    """One Azurite on loopback, with blob, queue and table services.

    `folder` keeps the data over restarts; without it everything is in memory. A port of 0 is a
    free port; a restart uses the same ports again. `log` is the file for its output (default: a
    temporary file, removed by `stop`); with `verbose` it gets a line for each request.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        blob_port: int = 0,
        queue_port: int = 0,
        table_port: int = 0,
        log: Path | None = None,
        verbose: bool = False,
    ) -> None:
        self._folder = folder
        self._verbose = verbose
        self._ports = dict(zip(_SERVICES, (blob_port, queue_port, table_port), strict=True))
        self._log = log
        self._scratch: Path | None = None
        self._child: Child | None = None

    @property
    def connection_string(self) -> str:
        """The full connection string: account, key and the three endpoints."""
        return (
            ";".join(
                [
                    "DefaultEndpointsProtocol=http",
                    f"AccountName={ACCOUNT}",
                    f"AccountKey={KEY}",
                    *(f"{s.capitalize()}Endpoint={self.endpoint(s)}" for s in _SERVICES),
                ]
            )
            + ";"
        )

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The process id of the Node process; raises `ChildError` before `start`."""
        if self._child is None:
            raise ChildError("Azurite was not started")
        return self._child.pid

    def endpoint(self, service: str) -> str:
        """The URL of `blob`, `queue` or `table`, with the account's name."""
        port = self._ports[service]
        if not port:
            raise ChildError("Azurite was not started: its ports are not known yet")
        return f"http://127.0.0.1:{port}/{ACCOUNT}"

    def start(self) -> None:
        """Start Azurite and return when it accepts requests (about a second).

        Raises `ChildError` when it is not installed, a port is taken, or it is not ready in time.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """The first half of `start`: begin to start it, and let the caller do something else."""
        if not (script := install.script()).is_file():
            raise ChildError(f"Azurite is not installed ({script} is missing): run `make install`")
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="azurite-"))
        self._child = Child(
            "Azurite",
            self._command(),
            log=self._log or self._scratch / "azurite.log",
            folder=self._scratch,
        )
        self._child.start()

    def wait_until_ready(self) -> None:
        """The second half of `start`; the ports are known when it returns."""
        if self._child is None:
            raise ChildError("Azurite was not started")
        try:
            for service in _SERVICES:
                line = rf"{service.capitalize()} service is successfully listening at \S+:(\d+)"
                self._ports[service] = int(self._child.wait_for_line(line, _START_LIMIT)[1])
        except ChildError:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop cleanly (the data is saved), kill after 5 s; may be called again."""
        if self._child is not None:
            self._child.stop(_STOP_LIMIT)
        self._remove_scratch()

    def kill(self) -> None:
        """End it at once, as a crash would; what was not saved yet is lost."""
        if self._child is not None:
            self._child.kill()
        self._remove_scratch()

    def restart(self) -> None:
        """Stop cleanly and start again on the same ports; without a folder the data is gone."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _command(self) -> list[str]:
        ports = [a for s in _SERVICES for a in (f"--{s}Port", str(self._ports[s]))]
        if self._folder is None:
            data = ["--inMemoryPersistence"]
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            data = ["--location", str(self._folder.resolve())]
        # The storage SDKs ask for newer API versions than Azurite knows: skipApiVersionCheck.
        flags = ["--skipApiVersionCheck", "--disableTelemetry"]
        quiet = [] if self._verbose else ["--silent"]
        script = str(install.script())
        return [NODE, "--require", str(_LIFELINE), script, *ports, *data, *flags, *quiet]

    def _remove_scratch(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
