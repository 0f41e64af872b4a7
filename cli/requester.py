"""Who asks on the command line, and why: the person who signed in, or else the operating system's user."""

import getpass
import platform
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.pause import RequestedBy

TicketOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The ticket that asks for it; kept with the run."),
]
NoteOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why; kept with the run, and shown with it.")
]


async def requester(
    app: "App", ticket: str | None = None, note: str | None = None
) -> "RequestedBy":
    """Return who runs this command, and why. InputError: ticket or note cannot be kept.

    A sign-in is asked only where the storage needs one: a pause must not wait for a person's code.
    """
    from cli.sign_in import DeviceSignIn  # noqa: PLC0415
    from shared.clients import wire  # noqa: PLC0415
    from shared.domain.pause import RequestedBy  # noqa: PLC0415
    from shared.services.admin.reasons import because  # noqa: PLC0415
    from shared.services.admin.token_claims import who_signed_in  # noqa: PLC0415

    identity = app.adapters.identity
    if isinstance(identity, DeviceSignIn):
        audience = wire.CLOUDS[app.settings.cloud].graph_audience
        signed_in = identity.account or not app.settings.storage_connection
        if signed_in and (found := who_signed_in(await identity.token(audience))):
            return because(RequestedBy(*found), ticket, note)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        user = "somebody"
    machine = platform.node() or "this machine"
    return because(RequestedBy(f"{user} on {machine}"), ticket, note)
