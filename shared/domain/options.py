"""Options of a move."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TOLL: Final = "TollNumber"
TOLL_FREE: Final = "TollFreeNumber"
"""Headers of a file's columns with the numbers that each user is to get. Case and spaces do not matter;
`_` and `-` do, for `toll_number` is what `acp saved` writes: a number that the user had."""


@dataclass(frozen=True, slots=True)
class OwnNumbers:
    """Default numbers of one user (E.164, +); None: as for the others. line: of the file that gave them."""

    toll: str | None = None
    toll_free: str | None = None
    line: int = 0

    def __str__(self) -> str:
        """Return them as a dry run shows them."""
        parts = (("toll number", self.toll), ("toll-free number", self.toll_free))
        return ", ".join(f"{name} {number}" for name, number in parts if number)


@dataclass(frozen=True, slots=True)
class MoveOptions:
    """Move options for the users of one run.

    send_email: whether to have Microsoft mail them their new numbers and PIN. Without it the
    tenant's own setting decides (AutomaticallySendEmailsToUsers).
    service_number, toll_free_number: their default numbers (E.164, +); None: the number rules, else
    the service's own choice.
    expected: how many users a person expects to be changed; None: the guard's limit applies.
    own_numbers: of single users, by the name (lower case) or id by which the user is meant.
    """

    send_email: bool = False
    service_number: str | None = None
    toll_free_number: str | None = None
    expected: int | None = None
    own_numbers: Mapping[str, OwnNumbers] = field(default_factory=dict)

    def numbers_of(self, name: str) -> OwnNumbers:
        """Return the numbers that a user is to get, by the name by which the user is meant."""
        shared = OwnNumbers(self.service_number, self.toll_free_number)
        return self.own_numbers.get(name.lower(), shared)


NO_NUMBERS: Final[Mapping[str, OwnNumbers]] = {}
DEFAULT_OPTIONS: Final = MoveOptions()
"""Default options: those of the function app's own moves."""
