"""`acp storage`: Azurite, the emulator of Azure Storage."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from cli.local_extra import require_azurite, require_local
from cli.options import Port
from local.processes import exit_with_parent


def storage(
    blob_port: Port = 10_000,
    queue_port: Port = 10_001,
    table_port: Port = 10_002,
    folder: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            metavar="FOLDER",
            help="Keep the data here over restarts (default: in memory).",
        ),
    ] = None,
) -> None:
    """Run Azurite, the emulator of Azure Storage, until Ctrl-C.

    The ports are Azurite's usual ones, so that `UseDevelopmentStorage=true` is its connection
    string; 0 takes a free port. Prints `ready` with the queue endpoint, then the connection string.
    """
    require_local("storage")
    require_azurite()
    from cli.serving import announce  # noqa: PLC0415 - needs the extra
    from local.azurite.server import Azurite  # noqa: PLC0415 - the same

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    exit_with_parent(stopped.set)
    server = Azurite(folder, blob_port=blob_port, queue_port=queue_port, table_port=table_port)
    with server as azurite:
        announce(azurite.endpoint("queue"))
        print(azurite.connection_string, flush=True)
        stopped.wait()
