"""What people read first of results: failures at the top, with what to do about each."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from cli.table import Row

_ORDER: Final = {
    outcome: place
    for place, outcome in enumerate(
        (
            "failed",
            "not_found",
            "held",
            "cancelled",
            "waiting",
            "unlicensed",
            "would_move",
            "would_change_bridge",
            "moved",
            "bridge_changed",
            "excluded",
            "already_microsoft",
        )
    )
}

_ADVICE: Final = (
    (r"HTTP 40[13]\b", "the app lacks a right: `acp doctor` says which one"),
    (r"HTTP (429|503)\b|asks us to wait|no turn in time", "Microsoft 365 is busy: try again later"),
    (r"HTTP (408|5\d\d)\b", "Microsoft 365 has a fault: try again later"),
    (r"HTTP 404\b", "Teams does not know the user: is the license assigned, the account active?"),
    (r"have this address", "several accounts share the address: name the user by id"),
    (r"HTTP 4\d\d\b", "Microsoft 365 refuses it: `acp show USER` shows what it knows of the user"),
    (
        r"Connect\w+|Timeout|\w*(Read|Write|Protocol)Error",
        "it cannot be reached: check the network",
    ),
    (r"^storage:", "the storage failed and nothing was changed for the user: `acp doctor`"),
    (r"^unexpected ", "a defect of the app: its log says more; please report it"),
)
_BY_OUTCOME: Final = {
    "not_found": "check the spelling",
    "unlicensed": "assign an Audio Conferencing license; the app then moves the user by itself",
    "waiting": "nothing: the app tries again by itself",
    "held": "`acp held` lists them, `acp release RUN` releases them",
}


def rank(outcome: str) -> int:
    """Return the place of an outcome in a list for people."""
    return _ORDER.get(outcome, len(_ORDER))


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Return rows by outcome: those that need somebody first, those with nothing to do last."""
    return sorted(rows, key=lambda row: rank(str(row.get("outcome"))))


def advised(row: Row) -> Row:
    """Return a row whose reason says what to do; a service's own words stand behind that."""
    outcome, reason = str(row.get("outcome")), str(row.get("reason") or "")
    if outcome == "failed":
        return {**row, "reason": advise(reason)}
    advice = _BY_OUTCOME.get(outcome)
    return {**row, "reason": f"{reason}: {advice}" if reason and advice else advice or reason}


def advise(reason: str) -> str:
    """Return what to do about an error, followed by its own text."""
    for pattern, advice in _ADVICE:
        if re.search(pattern, reason):
            return f"{advice} ({reason})"
    return reason


def summary(outcomes: Iterable[str]) -> str:
    """Return the outcomes with their numbers, in the order of the table."""
    counts = Counter(outcomes)
    names = sorted(counts, key=rank)
    return ", ".join(f"{name} {counts[name]:,}" for name in names)
