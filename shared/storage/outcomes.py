"""Outcomes at rest: an outcome that the version before does not know has the nearest one beside it.

That version refuses a row whose property `outcome` it does not know; after a rollback it reads the nearest.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.domain.outcome import Outcome

EXACT: Final = "exact_outcome"
_NEAREST: Final = {
    Outcome.BRIDGE_CHANGED: Outcome.ALREADY_MICROSOFT,
    Outcome.WOULD_CHANGE_BRIDGE: Outcome.WOULD_MOVE,
    Outcome.HELD: Outcome.WAITING,
}


def encode_outcome(outcome: Outcome) -> dict[str, str]:
    """Return an outcome as properties of a row."""
    return {"outcome": str(_NEAREST.get(outcome, outcome)), EXACT: str(outcome)}


def decode_outcome(row: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a row; ValueError: this version knows neither."""
    nearest = Outcome(row["outcome"])
    exact = row.get(EXACT)
    if exact in _NEAREST and _NEAREST[Outcome(exact)] is nearest:
        return Outcome(exact)
    # Another one was written by the version before, which leaves the exact one of an earlier attempt alone.
    return nearest
