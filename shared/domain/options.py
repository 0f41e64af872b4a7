"""Options of a move."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class MoveOptions:
    """Move options for the users of one run.

    send_email: whether to have Microsoft mail them their new numbers and PIN. Without it the
    tenant's own setting decides (AutomaticallySendEmailsToUsers).
    service_number, toll_free_number: their default numbers (E.164, +); None: the number rules, else
    the service's own choice.
    expected: how many users a person expects to be changed; None: the guard's limit applies.
    """

    send_email: bool = False
    service_number: str | None = None
    toll_free_number: str | None = None
    expected: int | None = None


DEFAULT_OPTIONS: Final = MoveOptions()
"""Default options: those of the function app's own moves."""
