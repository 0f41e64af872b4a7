"""Who uses the command line, for records of what people did."""

import getpass
import socket
from typing import TYPE_CHECKING

from shared.text import harmless

if TYPE_CHECKING:
    from shared.bootstrap.services import App


def operator(app: "App") -> str:
    """Return the account that signed in by device code, else this machine's user and name."""
    account = (
        getattr(app.adapters.identity, "account", None) if app.settings.sign_in_client_id else None
    )
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may have a user without a name
        user = "unknown user"
    return harmless(str(account or f"{user} on {socket.gethostname()}"))
