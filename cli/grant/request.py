"""The options of `acp grant`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SignIn(StrEnum):
    """Whose rights are used."""

    AZ = "az"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """For whom, how much, as whom. `environment`: where the settings stand, for the text to hand on."""

    identity: str
    role: str
    sign_in: SignIn
    revoke: bool
    what_if: bool
    environment: Mapping[str, str]
