"""Outcomes and states at rest: one that the version before does not know has the nearest one beside it.

That version refuses a row whose `outcome` or `state` it does not know; after a rollback it reads the nearest.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.domain.outcome import Outcome
from shared.domain.run import RunState

EXACT: Final = "exact_outcome"
_NEAREST: Final = {
    Outcome.BRIDGE_CHANGED: Outcome.ALREADY_MICROSOFT,
    Outcome.WOULD_CHANGE_BRIDGE: Outcome.WOULD_MOVE,
    Outcome.HELD: Outcome.WAITING,
    Outcome.CANCELLED: Outcome.EXCLUDED,
}
_EXACT_STATE: Final = "exact_state"
_NEAREST_STATE: Final = {RunState.CANCELLED: RunState.FAILED, RunState.MOVING: RunState.FINISHED}


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


def encode_state(state: RunState) -> dict[str, str]:
    """Return the state of a run as properties of a row."""
    return {"state": str(_NEAREST_STATE.get(state, state)), _EXACT_STATE: str(state)}


def decode_state(row: Mapping[str, Any]) -> RunState:
    """Return the state of a row; ValueError: this version knows neither."""
    nearest = RunState(row["state"])
    exact = row.get(_EXACT_STATE)
    return next(
        (state for state, near in _NEAREST_STATE.items() if (exact, nearest) == (state, near)),
        nearest,
    )
