"""How far a run is: what its results say together, and whether everybody has an outcome."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.outcome import CHANGES, Outcome, UserResult
from shared.domain.run import Run, RunState, Signal
from shared.domain.saved import KnownUser

GIVE_UP_AFTER: Final = timedelta(days=7)
"""A queue keeps no message for longer ("Put Message", messagettl): nobody comes any more."""

OPEN: Final = frozenset(
    {RunState.RUNNING, RunState.INTERRUPTED, RunState.RELEASED, RunState.MOVING}
)
"""States of a run whose users may still get a first outcome."""

_GROUPS: Final = {
    Outcome.MOVED: "moved",
    Outcome.BRIDGE_CHANGED: "moved",
    Outcome.WAITING: "waiting",
    Outcome.HELD: "waiting",
    Outcome.FAILED: "failed",
    Outcome.NOT_FOUND: "failed",
    Outcome.CANCELLED: "cancelled",
}
_SKIPPED: Final = "skipped"
_NAMES: Final = frozenset({*_GROUPS.values(), _SKIPPED})


def expected(run: Run) -> int:
    """Return how many users will have an outcome, as far as it is known."""
    return run.counts.get("queued", 0 if run.cause is Signal.SWEEP else run.counts.get("users", 0))


def done(run: Run) -> int:
    """Return how many users of a run have an outcome, by its counts."""
    names = _NAMES if run.cause is Signal.SWEEP else set(Outcome)
    return sum(count for name, count in run.counts.items() if name in names)


def counted(run: Run, outcomes: Mapping[str, int]) -> Run:
    """Return a run with the counts of its users' outcomes.

    A sweep's counts say what the listing told, under names of outcomes, too: so its users' outcomes are
    summed up as `moved`, `waiting` (for a person, too), `failed`, `skipped` and `cancelled`.
    """
    if run.cause is Signal.SWEEP:
        news: Counter[str] = Counter()
        for outcome, number in outcomes.items():
            news[_GROUPS.get(Outcome(outcome), _SKIPPED)] += number
        olds = {name: count for name, count in run.counts.items() if name not in _NAMES}
    else:
        news = Counter(outcomes)
        olds = {name: count for name, count in run.counts.items() if name not in set(Outcome)}
    return replace(run, counts={**olds, **news})


def final(result: UserResult, known: KnownUser | None, run: str, began: datetime) -> UserResult:
    """Return what a run that began then is told of a user who waited: its change, or one since then, is one.

    A later attempt, which found nothing to do any more, does not undo it. known: of the user, if anything.
    """
    if known is None or result.outcome in CHANGES:
        return result
    if known.moved_at and (known.moved_run == run or known.moved_at >= began):
        reason = f"the provider was {known.old_provider or 'none'}"
        old = known.old_provider
        return replace(result, outcome=Outcome.MOVED, reason=reason, old_provider=old)
    if known.bridge_changed_at and (known.bridge_run == run or known.bridge_changed_at >= began):
        return replace(result, outcome=Outcome.BRIDGE_CHANGED)
    return result


def settled(run: Run, outcomes: Mapping[str, int], now: datetime, on_the_way: int = 0) -> Run:
    """Return a run with its counts; one whose users all have an outcome is finished.

    on_the_way: users who have the outcome `held`, and were released since.
    """
    run = counted(run, outcomes)
    if run.state is not RunState.MOVING:
        return run
    left = max(expected(run) - sum(outcomes.values()), on_the_way)
    if left <= 0:
        return replace(run, state=RunState.FINISHED, finished_at=now)
    if now - (run.finished_at or run.started_at) > GIVE_UP_AFTER:
        reason = f"users without an outcome: {left:,}; a later sweep finds them again"
        return replace(run, state=RunState.FINISHED, finished_at=now, reason=reason)
    return run


def is_complete(run: Run, outcomes: Mapping[str, int]) -> bool:
    """Return whether no user of a run gets a first outcome any more."""
    return run.state not in OPEN and sum(outcomes.values()) >= expected(run)
