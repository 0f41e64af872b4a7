"""The options of `acp grant`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.grant.sign_in_app import ConsoleSignIn


class SignIn(StrEnum):
    """Sign-in whose rights are used."""

    AZ = "az"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """Parameters of a grant.

    environment: the source of the settings, for the handover text. console: the app registration to
    complete, if people sign in.
    """

    identity: str
    role: str | None
    sign_in: SignIn
    revoke: bool
    what_if: bool
    environment: Mapping[str, str]
    console: "ConsoleSignIn | None" = None
