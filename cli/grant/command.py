"""`acp grant`: grant the app's managed identity exactly the permissions that it needs in the tenant."""

import asyncio
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import CommandError
from cli.grant.request import GrantRequest, SignIn
from cli.options import number
from cli.output import Output, OutputOption, show, tell

if TYPE_CHECKING:
    from cli.grant.apply import Step
    from cli.grant.sign_in_app import ConsoleSignIn

_COLUMNS = ("part", "verdict", "detail", "to_do")
_LONGEST_WAIT = 3600.0


def grant(
    *,
    tenant: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The Entra tenant; else ACP_TENANT_ID or AZURE_TENANT_ID."),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Object id or client id of the app's managed identity; else IDENTITY_PRINCIPAL_ID, "
            "IDENTITY_CLIENT_ID or ACP_IDENTITY_CLIENT_ID.",
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The Entra role for the Teams admin API: name or id. "
            "Default: Teams Administrator; none with ACP_TEAMS_API=documented.",
        ),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The deployed app, which then creates its subscription and examines itself; "
            "else ACP_APP_URL. ACP_APP_KEY or ACP_APP_TOKEN opens it.",
        ),
    ] = None,
    console: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Client id of the app registration with which people sign in to the console, to "
            "which redirect address, app roles and federated credential are added; else AUTH_CLIENT_ID.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            parser=number(float, 0, _LONGEST_WAIT),
            metavar="SECONDS",
            help="How long to wait until all checks of the app pass.",
        ),
    ] = 300,
    sign_in: Annotated[
        SignIn,
        typer.Option(
            help="`az`: as the person who ran `az login`; `device`: by a code, with the public client "
            "application ACP_SIGN_IN_CLIENT_ID.",
        ),
    ] = SignIn.AZ,
    revoke: Annotated[
        bool,
        typer.Option("--revoke", help="Revoke Graph permissions that the app does not need."),
    ] = False,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="Show what would be done; change nothing.")
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="ACP_SETTINGS",
            help="App settings; environment variables win.",
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Grant the app's identity its Graph permissions and its Entra role; may be run again.

    Needs *Privileged Role Administrator*; otherwise prints a text to hand over. The permissions follow
    from ACP_TEAMS_API, ACP_REPROCESS_LICENSES, ACP_EXCLUDED_GROUPS and ACP_NUMBER_RULES. Everything is
    checked before anything is changed. Ends with 1 when a step or a finding failed.

    Example: `acp grant --tenant ID --identity ID --what-if`
    """
    # Imported here: otherwise the clients cost every command half a second.
    from cli.app_api import base_url  # noqa: PLC0415
    from cli.connection import load  # noqa: PLC0415
    from cli.grant.needs import is_documented, read_settings  # noqa: PLC0415
    from cli.grant.session import in_tenant, stopped  # noqa: PLC0415

    if settings:
        load(settings)
    chosen = read_settings(os.environ, _tenant(tenant, os.environ))
    who = _identity(identity, os.environ)
    role = _role(role, documented=is_documented(chosen))
    url = app or os.environ.get("ACP_APP_URL")
    signing_in = _console(console, url, os.environ)
    request = GrantRequest(who, role, sign_in, revoke, what_if, os.environ, signing_in)
    if url:
        base_url(url)  # a wrong address is reported before anything is changed
    steps = asyncio.run(in_tenant(request, chosen))
    failed = next((step.error for step in steps if step.error), None)
    if failed is not None:
        _show(steps, output)
        raise stopped(request, chosen, failed)
    if not url:
        _show(steps, output)
        tell("The app itself was not checked: name it with --app once it is deployed.")
        return 0
    return _with_app(url, wait, steps, output, what_if=what_if)


def _with_app(url: str, wait: float, steps: "list[Step]", output: Output, *, what_if: bool) -> int:
    """Show the steps, have the app examine itself, and show its findings."""
    from cli.app_api import AppApi  # noqa: PLC0415
    from cli.grant.after import TO_COME, settle  # noqa: PLC0415

    if what_if:
        _show([*steps, TO_COME], output)
        return 0
    in_tables = output is Output.TABLE
    if in_tables:
        _show(steps, output)
    if any(step.verdict == "done" for step in steps):
        tell(
            "New rights reach the app with its next tokens: within minutes, or within a day if it "
            "already has tokens, because Azure caches them that long."
        )
    findings: list[Step] = []
    try:
        with AppApi(url) as api:
            findings = settle(api, wait)
    finally:
        if findings or not in_tables:
            _show(findings if in_tables else [*steps, *findings], output)
    return 1 if any(step.verdict == "failed" for step in findings) else 0


def _show(steps: "list[Step]", output: Output) -> None:
    show((step.row() for step in steps), _COLUMNS, output)


def _role(given: str | None, *, documented: bool) -> str | None:
    """Return the Entra role to assign; CommandError: one is named, and the app needs none."""
    if not documented:
        return given or "Teams Administrator"
    if given:
        raise CommandError(
            f"--role {given!r}: with ACP_TEAMS_API=documented the app needs no Entra role", 2
        )
    return None


def _tenant(given: str | None, environment: Mapping[str, str]) -> str:
    """Return the given tenant; CommandError: none, two different ones, or not an id."""
    setting = environment.get("ACP_TENANT_ID")
    found = given or setting or environment.get("AZURE_TENANT_ID")
    if not found:
        raise CommandError("which tenant? Name it with --tenant or ACP_TENANT_ID", 2)
    if given and setting and given.casefold() != setting.casefold():
        raise CommandError(f"--tenant {given}, but ACP_TENANT_ID is {setting}: which is meant?", 2)
    try:
        return str(uuid.UUID(found))
    except ValueError:
        raise CommandError(f"{found!r} is no tenant id: a GUID is needed", 2) from None


def _console(
    given: str | None, url: str | None, environment: Mapping[str, str]
) -> "ConsoleSignIn | None":
    """Return the app registration to complete, if people sign in; CommandError: it is not known whole."""
    from cli.app_api import base_url  # noqa: PLC0415 - see above
    from cli.grant.sign_in_app import ConsoleSignIn  # noqa: PLC0415

    client_id = given or environment.get("AUTH_CLIENT_ID")
    if not client_id:
        return None
    address = url or environment.get("SERVICE_API_URI")
    if not address:
        raise CommandError(
            "--console: where is the app? Name it with --app or SERVICE_API_URI, for the redirect address",
            2,
        )
    base_url(address)
    try:
        return ConsoleSignIn(str(uuid.UUID(client_id)), address)
    except ValueError:
        raise CommandError(
            f"--console {client_id!r} is no client id: a GUID is needed", 2
        ) from None


def _identity(given: str | None, environment: Mapping[str, str]) -> str:
    names = ("IDENTITY_PRINCIPAL_ID", "IDENTITY_CLIENT_ID", "ACP_IDENTITY_CLIENT_ID")
    found = given or next((environment[name] for name in names if environment.get(name)), None)
    if not found:
        raise CommandError(f"which identity? Name it with --identity or {names[0]}", 2)
    return found
