"""What to do about a user of a run who was not moved."""

import re
from typing import Final

from shared.domain.outcome import Outcome

_BY_OUTCOME: Final = {
    Outcome.FAILED: "Cure what the reason names, then retry.",
    Outcome.NOT_FOUND: "Check the address in the directory: nobody has it, or the user is deleted.",
    Outcome.WAITING: "Nothing: the app tries again by itself.",
    Outcome.HELD: "Release or discard the user, above.",
    Outcome.UNLICENSED: "Assign an Audio Conferencing license: the app then moves the user by itself.",
}
_BY_REASON: Final = (
    (r"HTTP 40[13]\b", "The app lacks a right: Health says which."),
    (r"HTTP 404\b", "Teams does not know the user: check license and account."),
    (
        r"HTTP (408|429|5\d\d)\b|asks us to wait|no turn in time",
        "Microsoft 365 is busy or has a fault: retry later.",
    ),
    (r"have this address", "Several accounts share the address: name the user by id."),
    (r"^storage:", "The storage failed, and nothing was changed: see Health, then retry."),
)


def advice(outcome: Outcome, reason: str) -> str:
    """Return what to do, "" for nothing."""
    if outcome is Outcome.FAILED:
        for pattern, text in _BY_REASON:
            if re.search(pattern, reason):
                return text
    return _BY_OUTCOME.get(outcome, "")
