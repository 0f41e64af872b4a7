"""Options of the host itself, besides the function app's own files."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from local.host.errors import SettingError
from local.host.keys import Keys

_PREFIX = "ACP_HOST_"

LEASE_VARIABLE = "ACP_HOST_MESSAGE_LEASE_SECONDS"
"""How long a message stays invisible while it is worked on, in whole seconds. 600 as in Azure.
A shorter lease is for demos and tests: a killed host's messages come back after it."""

DRAIN_VARIABLE = "ACP_HOST_DRAIN_SECONDS"
"""How long a stop waits for running functions, in whole seconds (default 30)."""

FUNCTION_KEY_VARIABLE = "ACP_HOST_FUNCTION_KEY"
"""The key for functions of authorization level `function`."""

SYSTEM_KEY_VARIABLE = "ACP_HOST_SYSTEM_KEY"
"""The key for /runtime/webhooks/EventGrid (in Azure the system key `eventgrid_extension`)."""

MASTER_KEY_VARIABLE = "ACP_HOST_MASTER_KEY"
"""The key that opens everything, and the only one for /admin and level `admin`."""

_KNOWN = (
    LEASE_VARIABLE,
    DRAIN_VARIABLE,
    FUNCTION_KEY_VARIABLE,
    SYSTEM_KEY_VARIABLE,
    MASTER_KEY_VARIABLE,
)


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """The host's own options.

    `root` is the folder with function_app.py and host.json; `message_lease_seconds` and
    `drain_seconds` see `LEASE_VARIABLE` and `DRAIN_VARIABLE`; `keys` guard the functions.
    """

    root: Path
    message_lease_seconds: int = 600
    drain_seconds: float = 30.0
    keys: Keys = field(default_factory=Keys)

    @classmethod
    def take_from(cls, environment: MutableMapping[str, str], root: Path) -> Self:
        """Read the variables `ACP_HOST_...` and remove them: they are no settings of the app.

        Raises `SettingError` naming a variable that does not exist or has a bad value.
        """
        names = [name for name in environment if name.startswith(_PREFIX)]
        given = {name: environment.pop(name) for name in names}
        options = cls(
            root=root,
            message_lease_seconds=_whole_seconds(
                given.pop(LEASE_VARIABLE, None), LEASE_VARIABLE, 600
            ),
            drain_seconds=_whole_seconds(given.pop(DRAIN_VARIABLE, None), DRAIN_VARIABLE, 30),
            keys=Keys(
                function=given.pop(FUNCTION_KEY_VARIABLE, None) or None,
                system=given.pop(SYSTEM_KEY_VARIABLE, None) or None,
                master=given.pop(MASTER_KEY_VARIABLE, None) or None,
            ),
        )
        if given:
            known = ", ".join(_KNOWN)
            raise SettingError(f"{min(given)} is not an option of the host; there are {known}")
        return options


def _whole_seconds(text: str | None, name: str, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingError(f"{name} must be a whole number of seconds from 1 on, not {text!r}")
    return int(text)
