"""How long what is stored is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.run import RunState

LEFTOVER: Final = timedelta(days=1)
"""Age at which what a crash left behind is cleaned: nothing is under way for so long."""

_ENDED: Final = frozenset({RunState.FINISHED, RunState.FAILED})
_DELETED: Final = _ENDED | {RunState.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Retention:
    """runs: with results and requests, after their end. held: of a held sweep. keys: of requests.
    history: of users, record by record.

    users: of users whom the directory no longer knows, since the last attempt. poison: of messages that
    cannot be read.
    """

    runs: timedelta
    held: timedelta
    keys: timedelta
    users: timedelta
    poison: timedelta
    history: timedelta


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What a run's row says, undecoded: a state that this version does not know is kept.

    revision: of the row, so that no run is deleted that somebody has just resumed.
    """

    id: str
    state: str
    ended_at: datetime
    revision: str = ""


def may_delete(run: StoredRun, now: datetime, retention: Retention) -> bool:
    """Return whether a run is over and old enough; one that runs, is held or queued never is."""
    return run.state in _DELETED and now - run.ended_at > retention.runs


def may_end(run: StoredRun, now: datetime, retention: Retention) -> bool:
    """Return whether a held run was not released for so long that its users are out of date."""
    return run.state == RunState.HELD and now - run.ended_at > retention.held


def has_ended(run: StoredRun) -> bool:
    """Return whether nobody reads the run's sweep pages any more."""
    return run.state in _ENDED


def first_id_after(moment: datetime) -> str:
    """Return the lowest id of a run that began later: ids sort by their start."""
    return f"{moment:%Y%m%dT%H%M%SZ}"
