"""Opening the app's services for a command, with the settings of the function app."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import CommandError
from cli.output import HarmlessFormatter, tell
from local.host.app_settings import LOCAL_SETTINGS, read_values
from local.host.errors import SettingError

if TYPE_CHECKING:
    from shared.bootstrap.services import App

SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        envvar="ACP_SETTINGS",
        help=f"App settings, in the form of {LOCAL_SETTINGS}, which is read where it exists; "
        "environment variables win.",
    ),
]

AppOption = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="URL",
        envvar="ACP_APP_URL",
        help="The deployed app; ACP_APP_KEY or ACP_APP_TOKEN opens it.",
    ),
]


@asynccontextmanager
async def connect(file: Path | None) -> AsyncIterator["App"]:
    """Open the services with the settings of `file` and the environment; close them in the end.

    SettingsError names what is missing or wrong. CommandError: the file cannot be used.
    """
    # Imported here: the clients and the storage cost every other command half a second.
    from shared.bootstrap.services import App  # noqa: PLC0415
    from shared.clients import wire  # noqa: PLC0415
    from shared.settings.settings import Settings, unknown_settings  # noqa: PLC0415

    load(file)
    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter(logging.Formatter("%(message)s")))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    for warning in unknown_settings(os.environ):
        tell(f"warning: {warning}")
    app = App(Settings.from_environment(os.environ))
    if client_id := app.settings.sign_in_client_id:
        from cli.sign_in import DeviceSignIn  # noqa: PLC0415 - most use the environment's identity

        address = app.settings.sign_in_url or wire.CLOUDS[app.settings.cloud].sign_in
        app.adapters.identity = DeviceSignIn(
            client_id,
            f"{str(address).rstrip('/')}/{app.settings.tenant_id}",
            app.settings.request_timeout,
            known=app.settings.sign_in_url is None,
        )
    try:
        yield app
    finally:
        await app.close()


def load(file: Path | None) -> None:
    """Take the settings of a file for those that the environment lacks; None: the usual file, if any.

    CommandError: the file cannot be used.
    """
    given = file or Path(LOCAL_SETTINGS)
    if not given.is_file():
        if file is None:
            return
        raise CommandError(f"--settings {file}: there is no such file", 2)
    try:
        values = read_values(given)
    except SettingError as error:
        raise CommandError(f"--settings {error}", 2) from error
    taken = [name for name in values if name not in os.environ]
    for name in taken:
        os.environ[name] = values[name]
    if taken:
        # Of a file that nobody named, its names are said: it may be there by chance.
        names = "" if file else f": {', '.join(taken)}"
        tell(f"settings from {given.absolute()}{names}")
