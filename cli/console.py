"""`acp console`: open the console of a deployed app."""

import os
import webbrowser
from collections.abc import Callable
from typing import Annotated

import httpx
import typer

from cli.errors import CommandError

_SIGN_IN = "/.auth/login/"
_UNREACHABLE = 3
_TIMEOUT = 30.0


def console(
    *,
    app: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The deployed app; else ACP_APP_URL or SERVICE_API_URI (azd)."
        ),
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the address; open no browser.")
    ] = False,
) -> int:
    """Open the console of the deployed app in the browser, where you sign in.

    `acp host` and `acp demo --keep` print the address of the console on this machine.

    Example: `acp console --app https://func-acp.azurewebsites.net`
    """
    found = app or os.environ.get("ACP_APP_URL") or os.environ.get("SERVICE_API_URI")
    if not found:
        raise CommandError("which app? Name it with --app or ACP_APP_URL", 2)
    return show(found, None if no_open else webbrowser.open)


def show(
    url: str,
    open_browser: Callable[[str], bool] | None,
    transport: httpx.BaseTransport | None = None,
) -> int:
    """Print the address of an app's console and open it; None: only print.

    CommandError: there is no console (status 2), or the app cannot be reached (status 3).
    """
    from cli.app_api import base_url  # noqa: PLC0415 - loads the clients

    address = f"{base_url(url)}console"
    try:
        with httpx.Client(timeout=_TIMEOUT, transport=transport) as http:
            answer = http.get(address)
    except httpx.HTTPError as error:
        raise CommandError(
            f"{address} cannot be reached ({type(error).__name__})", _UNREACHABLE
        ) from None
    to_sign_in = answer.is_redirect and answer.headers.get("location", "").startswith(_SIGN_IN)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise CommandError(
            "the console of this app is off, because function keys open it: set AUTH_CLIENT_ID "
            "(docs/deploy.md, People and programs at the HTTP API)",
            2,
        )
    if not to_sign_in:
        raise CommandError(
            f"{address} is no console (HTTP {answer.status_code}): is --app the app's address, and the "
            "app of this version?",
            2,
        )
    print(address)
    if open_browser is not None and not open_browser(address):
        raise CommandError("no browser can be opened here: open the address above in yours", 1)
    return 0
