"""`acp host`: the local Functions host."""

import asyncio
import logging
import os
import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.connection import load
from cli.local_extra import require_local
from cli.options import Port
from cli.output import HarmlessFormatter

_APP: Final = "function_app.py"
_INSTALLED: Final = Path(__file__).parents[1]
"""Where the app lies that was installed together with this command (or the checkout)."""


def host(
    port: Port = 7071,
    root: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            resolve_path=True,
            metavar="FOLDER",
            help="Folder with function_app.py and host.json; default: this one, else ACP Mover's own.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log more, down to every poll's delay.")
    ] = False,
) -> None:
    """Run a function app with the real Python worker, until Ctrl-C.

    Storage is the connection string in `AzureWebJobsStorage` (see `acp storage`); the app's other
    settings are environment variables or `Values` in local.settings.json. The host's own options
    are `ACP_HOST_MESSAGE_LEASE_SECONDS` (600), `ACP_HOST_DRAIN_SECONDS` (30) and, to require
    keys, `ACP_HOST_FUNCTION_KEY`, `ACP_HOST_SYSTEM_KEY` and `ACP_HOST_MASTER_KEY`.

    Prints an address that opens the console, once, and `ready URL` when it accepts requests. On a
    stop it takes no new messages and finishes the running ones; a second Ctrl-C ends it at once.
    """
    require_local("host")
    if root is None:
        root = Path.cwd()
        if not (root / _APP).is_file():
            # The settings stay those of the current folder, or of the file that is named.
            load(Path(named) if (named := os.environ.get("ACP_SETTINGS")) else None)
            root = _INSTALLED
    # Imported here: the worker library costs every other command half a second.
    from local.host import logs  # noqa: PLC0415
    from local.host.loop import new_loop  # noqa: PLC0415 - the same

    logs.configure(logging.DEBUG if verbose else logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(HarmlessFormatter(handler.formatter or logging.Formatter()))
    if not asyncio.run(_serve(port, root), loop_factory=new_loop):
        # A function in a thread cannot be cancelled, and Python would wait for it forever.
        logging.shutdown()
        os._exit(0)


async def _serve(port: int, root: Path) -> bool:
    """Load and serve; returns whether everything had finished when it ended."""
    from cli import serving  # noqa: PLC0415 - needs the extra
    from local.host.app import create_app  # noqa: PLC0415
    from local.host.host import load_host  # noqa: PLC0415
    from local.host.options import HostOptions  # noqa: PLC0415

    with serving.bind(port) as bound:
        token = "" if "ACP_CONSOLE_TOKEN" in os.environ else secrets.token_urlsafe(32)
        os.environ.setdefault("ACP_CONSOLE_TOKEN", token)
        os.chdir(root)  # as in Azure and in Core Tools, the app's folder is the current one
        options = HostOptions.take_from(os.environ, root)
        loaded = await load_host(options)
        app = create_app(loaded)
        if token:
            print(f"console {serving.origin(bound)}/api/console/enter?token={token}", flush=True)
        await serving.serve(app, bound, on_stop=loaded.stop, drain=options.drain_seconds)
        # In Azure the process just ends: a function app has no hook to close its clients, so a
        # warning that they are open is useless.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        return bool(app.state.drained)
