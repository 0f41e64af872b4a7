"""Who asks, on the command line: the person who signed in, or else the operating system's user."""

import getpass
import platform
from typing import TYPE_CHECKING

from cli.sign_in import DeviceSignIn

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.domain.pause import RequestedBy


async def requester(app: "App") -> "RequestedBy":
    """Return who runs this command.

    A sign-in is asked only where the storage needs one: a pause must not wait for a person's code.
    """
    from shared.clients import wire  # noqa: PLC0415
    from shared.domain.pause import RequestedBy  # noqa: PLC0415
    from shared.services.admin.token_claims import who_signed_in  # noqa: PLC0415

    needs_sign_in = not app.settings.storage_connection
    if needs_sign_in and isinstance(app.adapters.identity, DeviceSignIn):
        audience = wire.CLOUDS[app.settings.cloud].graph_audience
        if found := who_signed_in(await app.adapters.identity.token(audience)):
            return RequestedBy(*found)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        user = "somebody"
    return RequestedBy(f"{user} on {platform.node() or 'this machine'}")
