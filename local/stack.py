"""The whole system as child processes: Azurite, the simulated tenant, and hosts that run the app.

The demo, the benchmarks, the end-to-end tests and the chaos tests are built on it. Everything
listens on free ports of loopback, and no process outlives this one, however it ends
(`local/processes.py`).
"""

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from local.azurite.server import Azurite
from local.commands import ROOT, AppHost, TenantProcess
from local.processes import Child
from local.worlds import WORLDS


def app_settings(storage: str, tenant: TenantProcess, name: str = "") -> dict[str, str]:
    """Return the settings that point the app at a storage's connection string and a running tenant.

    name: of the app's first queue, and the prefix of its tables; apps that share a storage differ in it.
    """
    settings = {
        "AzureWebJobsStorage": storage,
        "ACP_TENANT_ID": tenant.id,
        "ACP_GRAPH_URL": tenant.origin,
        "ACP_TEAMS_URL": tenant.origin,
        "IDENTITY_ENDPOINT": f"{tenant.origin}/msi/token",
        "IDENTITY_HEADER": "local",
    }
    settings |= WORLDS[tenant.world].settings
    return settings | ({"ACP_QUEUE": name, "ACP_TABLE_PREFIX": name} if name else {})


def copy_app(folder: Path, queues: Mapping[str, str] | None = None) -> Path:
    """Copy the app's two files to `folder`/app, where a developer's local.settings.json has no say.

    queues: settings of host.json's queues that shall differ. Returns the app's folder.
    """
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "function_app.py", app)
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    host["extensions"]["queues"] |= queues or {}
    (app / "host.json").write_text(json.dumps(host), encoding="utf-8")
    return app


class Stack[T: TenantProcess]:
    """Azurite and a tenant, started side by side, and the hosts added to them. Context manager.

    Logs go to `folder`; `name` see `app_settings`; `queues` see `copy_app`; `environment` is that
    of the hosts besides their settings.
    """

    def __init__(
        self,
        folder: Path,
        azurite: Azurite,
        tenant: T,
        *,
        name: str = "",
        environment: Mapping[str, str] | None = None,
        queues: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.azurite = azurite
        self.tenant = tenant
        self.hosts: list[AppHost] = []
        self._name = name
        self._environment = environment
        self._queues = queues
        self._parts = ExitStack()

    @property
    def connection_string(self) -> str:
        """The connection string of the storage."""
        return self.azurite.connection_string

    def launch(self) -> None:
        """Begin to start Azurite and the tenant, and wait for neither."""
        self._parts.callback(self.azurite.stop)
        self._parts.callback(self.tenant.close)
        self.azurite.launch()
        self.tenant.launch()

    def wait_until_ready(self) -> None:
        """Return when both take requests; `ChildError` when one does not."""
        self.tenant.wait_until_ready()
        self.azurite.wait_until_ready()

    def add_host(
        self, settings: Mapping[str, str], *, folder: Path | None = None, port: int = 0
    ) -> AppHost:
        """Return a new host, not started yet: `settings` win over `app_settings`."""
        host = AppHost(
            folder or self.folder,
            copy_app(self.folder, self._queues),
            {**app_settings(self.connection_string, self.tenant, self._name), **settings},
            port=port,
            environment=self._environment,
        )
        self._parts.callback(host.close)
        self.hosts.append(host)
        return host

    def enter[Part](self, part: AbstractContextManager[Part]) -> Part:
        """Enter something that stops with the stack, before what was started earlier."""
        return self._parts.enter_context(part)

    def ended(self) -> list[str]:
        """Return the names of the processes that do not run."""
        children: list[Child] = [self.tenant, *self.hosts]
        gone = [child.name for child in children if not child.running]
        return gone if self.azurite.running else ["Azurite", *gone]

    def close(self) -> None:
        """Stop everything, in the opposite order of its start."""
        self._parts.close()

    def __enter__(self) -> Self:
        try:
            self.launch()
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
