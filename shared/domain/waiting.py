"""When a user is looked at again, and when the system gives up and asks a person. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Cause(StrEnum):
    """Why a user waits."""

    PROVISIONING = "provisioning"
    """The service does not have the user yet: patience, up to the grace period."""
    FAILURE = "failure"
    """Something went wrong: a bounded number of further tries."""
    SECOND_LOOK = "second_look"
    """The directory's own change feed and the directory disagree: one look more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A user who is to be looked at again, or who needs attention (`due` is None).

    since: when the user began to wait for the service (UTC). attempt: looks that counted.
    failures: those of them that failed. looked_at: the last look that counted. operation: id of the
    operation in which the user began to wait, for the log.
    """

    user_id: str
    cause: Cause
    reason: str
    since: datetime
    due: datetime | None
    looked_at: datetime
    attempt: int = 1
    failures: int = 0
    upn: str = ""
    reprocessed: bool = False
    operation: str = ""

    @property
    def needs_attention(self) -> bool:
        """Whether only a person can help now."""
        return self.due is None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on.

    delays: the pause before each further look; the last one repeats.
    grace: how long provisioning may take. max_failures: looks that may fail. reprocess: whether
    the license may be processed again, once, before a person is asked.
    """

    delays: Sequence[timedelta]
    grace: timedelta
    max_failures: int
    reprocess: bool = False

    def delay(self, attempt: int) -> timedelta:
        """Return the pause after look number `attempt` (1 is the first)."""
        return self.delays[min(attempt, len(self.delays)) - 1]


@dataclass(frozen=True, slots=True)
class Look:
    """One look that did not settle a user. pause: what the service asked for, at least."""

    user_id: str
    cause: Cause
    reason: str
    at: datetime
    upn: str = ""
    pause: timedelta = timedelta(0)
    operation: str = ""


def keep_waiting(previous: Waiting | None, look: Look, patience: Patience) -> Waiting:
    """Return the user's next row: due again after a pause, or needing attention with the reason.

    Only the grace period ends provisioning, only the number of failures ends failing; neither count
    begins anew because the other cause came between. A look that came before its time (a duplicate
    notification) or that the service put off does not count, so that a burst uses up nobody's tries.
    Who needs attention stays there until a look settles the user.
    """
    if previous is None:
        fresh = Waiting(look.user_id, look.cause, look.reason, look.at, look.at, look.at, 0)
        fresh = replace(fresh, operation=look.operation)
        return _counted(fresh, look, patience)
    if previous.needs_attention:
        return replace(previous, cause=look.cause, reason=look.reason, looked_at=look.at)
    early = look.at < previous.looked_at + patience.delay(max(1, previous.attempt))
    if early or look.pause:
        due = previous.looked_at + patience.delay(max(1, previous.attempt))
        due = max(due, look.at + look.pause)
        return replace(previous, cause=look.cause, reason=look.reason, due=due)
    return _counted(previous, look, patience)


def may_reprocess(waiting: Waiting, patience: Patience) -> bool:
    """Return whether processing the license again is the thing to do for a user out of patience."""
    return (
        waiting.needs_attention
        and waiting.cause is Cause.PROVISIONING
        and patience.reprocess
        and not waiting.reprocessed
    )


def after_reprocessing(waiting: Waiting, now: datetime, patience: Patience) -> Waiting:
    """Return the row of a user whose license is processed again: a grace period begins anew."""
    due = now + patience.delay(1)
    return replace(waiting, since=now, attempt=1, due=due, reprocessed=True)


def ask_person(user_id: str, upn: str, reason: str, now: datetime) -> Waiting:
    """Return a row that needs attention at once, because trying again cannot help."""
    return Waiting(user_id, Cause.FAILURE, reason, now, None, now, upn=upn)


def _counted(row: Waiting, look: Look, patience: Patience) -> Waiting:
    failed = look.cause is Cause.FAILURE
    attempt, failures = row.attempt + 1, row.failures + failed
    exhausted = (
        failures >= patience.max_failures if failed else look.at - row.since >= patience.grace
    )
    due = look.at + max(patience.delay(attempt), look.pause)
    return replace(
        row,
        cause=look.cause,
        reason=look.reason,
        upn=look.upn or row.upn,
        attempt=attempt,
        failures=failures,
        looked_at=look.at,
        due=None if exhausted else due,
    )
