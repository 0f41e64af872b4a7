"""The demo's three child processes: Azurite, the simulated tenant, and the host with the app."""

import json
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Final, Self

from cli.errors import CommandError
from cli.files import write_private
from local.azurite.server import Azurite
from local.commands import AppHost, TenantProcess
from local.stack import Stack
from local.worlds import WORLDS, World

LAG_SECONDS: Final = 2
"""From a license in Graph to its effect in the simulated Teams service; minutes in life."""

_SETTINGS: Final = {
    "ACP_HOST_MESSAGE_LEASE_SECONDS": "60",
    # Whoever waits for Teams gets another attempt within seconds, not minutes.
    "ACP_RECHECK_DELAYS": "1,2,3,5",
    "ACP_RECHECK_SCHEDULE": "*/1 * * * * *",
    "ACP_GUARD_MAX_MOVES": "1000000",
}


class DemoSystem(Stack[TenantProcess]):
    """Starts and stops the three; their logs are in `folder`, which goes with them. Context manager.

    The folder stays when the demo ended with an error, or when `keep_logs` was set.
    """

    def __init__(self, users: int, seed: int, world: World = World.THIRD_PARTIES) -> None:
        folder = Path(tempfile.gettempdir(), f"acp-demo-{secrets.token_hex(4)}")
        super().__init__(
            folder,
            Azurite(log=folder / "azurite.log"),
            TenantProcess(
                folder,
                users=users,
                seed=seed,
                lag=LAG_SECONDS,
                world=world,
                options=["--enforce-permissions"] if WORLDS[world].checks_rights else [],
            ),
        )
        self.keep_logs = False

    @property
    def host(self) -> AppHost:
        """The host, once it was started."""
        return self.hosts[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()
        failed = any(isinstance(detail, Exception) for detail in details)
        if not (failed or self.keep_logs):
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def checks_rights(self) -> bool:
        """Whether the tenant lets the app do only what its identity was granted."""
        return WORLDS[self.tenant.world].checks_rights

    def launch(self) -> None:
        """Start the tenant and Azurite side by side, and wait for neither."""
        self.folder.mkdir(mode=0o700)
        super().launch()

    def start_host(self) -> None:
        """Start the host with the app; `ChildError` when it or Azurite does not start."""
        self.azurite.wait_until_ready()
        token = secrets.token_urlsafe(32)
        self.add_host({**_SETTINGS, "ACP_CONSOLE_TOKEN": token}).start()

    def ended_unexpectedly(self) -> str:
        """Say which of the three has ended although all were started, or nothing."""
        gone = self.ended() if self.hosts else []
        return f"{' and '.join(gone)} ended unexpectedly" if gone else ""

    def check(self) -> None:
        """Raise `CommandError` when one of the three has ended."""
        if gone := self.ended_unexpectedly():
            raise CommandError(gone)

    def write_settings(self) -> Path:
        """Write the app's settings to a file that the other commands take; return where it is."""
        file = self.folder / "settings.json"
        values = {"Values": self.host.settings}
        write_private(file, json.dumps(values, indent=2) + "\n", "settings")
        return file
