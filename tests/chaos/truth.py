"""What truly happened to a user, from the tenant's log and from what was done to it by hand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tests.chaos.administrator import History
from tests.e2e.tenant import MICROSOFT, User

Entries = list[dict[str, Any]]
"""Provider entries as Teams words them."""

BY_APP: Final = frozenset({"replaced", "enabled", "number_set"})
"""The changes that only a PUT of the app can bring about."""

_NAMES: Final = {
    "toll_number": "tollNumber",
    "toll_free_number": "tollFreeNumber",
    "passcode": "participantPassCode",
}


_UNKNOWN: Final = "other"
"""Where the app keeps fields that it does not know; the simulated tenant has none."""


@dataclass(frozen=True)
class Change:
    """One change that the app made, and the entries that it dropped (none: nothing to save).

    since: when a person had set these; 0: they were there at birth.
    """

    action: str
    at: float
    dropped: Entries
    since: float = 0.0


@dataclass
class Life:
    """What a user had and lost: every set of entries it ever had, and the app's changes."""

    had: list[Entries] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    by_service: int = 0
    """How often licensing made the user a conferencing user."""


@dataclass(frozen=True)
class Record:
    """One saved record."""

    entries: Entries
    saved_at: float


def lives(
    users: Sequence[User], changes: Sequence[dict[str, Any]], history: History
) -> dict[str, Life]:
    """Follow each user through the tenant's log, in order."""
    found = {user["id"]: Life([user["original_entries"]]) for user in users}
    now: dict[str, Entries] = {user["id"]: user["original_entries"] for user in users}
    since: dict[str, float] = {}
    by_hand = {user: list(sets) for user, sets in history.by_hand.items()}
    for change in changes:
        user, action = change["user"], change["action"]
        life, at = found[user], moment(change["at"])
        if action in BY_APP:
            third = [entry for entry in now[user] if entry["name"] != MICROSOFT]
            dropped = now[user] if third and action != "number_set" else []
            life.changes.append(Change(action, at, dropped, since.get(user, 0.0)))
            now[user] = now[user] if action == "number_set" else []
        elif action == "set_by_hand":
            now[user], since[user] = by_hand[user].pop(0), at
            life.had.append(now[user])
        elif action == "service_removed":
            now[user] = [entry for entry in now[user] if entry["name"] != MICROSOFT]
            life.had.append(now[user])
        else:
            life.by_service += 1
    return found


def records(rows: Sequence[dict[str, Any]]) -> dict[str, list[Record]]:
    """The rows of table `replacedproviders` by user, in the words of Teams; claims alone are none."""
    found: dict[str, list[Record]] = {}
    for row in rows:
        if row["entries"] == "[]":
            continue
        entries = [
            {_NAMES.get(name, name): value for name, value in entry.items() if name != _UNKNOWN}
            for entry in json.loads(row["entries"])
        ]
        found.setdefault(row["PartitionKey"], []).append(
            Record([normal(entry) for entry in entries], row["saved_at"].timestamp())
        )
    return found


def normal(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry in which a missing value is None, however it was written."""
    return {name: value if value or name == "default" else None for name, value in entry.items()}


def moment(stamp: str) -> float:
    """Seconds since 1970 of a time in the tenant's log (whole seconds)."""
    return datetime.fromisoformat(stamp).timestamp()
