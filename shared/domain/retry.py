"""Retry policy: when a user is retried, and when the user needs attention. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class WaitReason(StrEnum):
    """Reason why a user is waiting."""

    PROVISIONING = "provisioning"
    """The service does not have the user yet: wait, up to the grace period."""
    FAILURE = "failure"
    """The attempt failed: a limited number of further attempts."""
    SECOND_LOOK = "second_look"
    """The change feed and the directory disagree: one more attempt."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A user to retry, or who needs attention (`due` is None).

    since: when the user began to wait for the service (UTC). attempt: attempts that counted.
    failures: those of them that failed. looked_at: the last one that counted. operation: id of the
    operation in which the user began to wait, for the log.
    """

    user_id: str
    cause: WaitReason
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
        """Whether the user needs attention."""
        return self.due is None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a user is retried.

    delays: the pause before each further attempt; the last one repeats.
    grace: how long provisioning may take. max_failures: attempts that may fail. reprocess: whether
    the license may be reprocessed once before the user needs attention.
    """

    delays: Sequence[timedelta]
    grace: timedelta
    max_failures: int
    reprocess: bool = False

    def delay(self, attempt: int) -> timedelta:
        """Return the pause after attempt number `attempt` (1 is the first)."""
        return self.delays[min(attempt, len(self.delays)) - 1]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that did not settle a user. pause: the shortest pause that the service accepts."""

    user_id: str
    cause: WaitReason
    reason: str
    at: datetime
    upn: str = ""
    pause: timedelta = timedelta(0)
    operation: str = ""


def keep_waiting(previous: Waiting | None, attempt: Attempt, policy: RetryPolicy) -> Waiting:
    """Return the user's next row: due again after a pause, or needing attention with the reason.

    Only the grace period limits provisioning, only the number of failures limits failing; neither count
    restarts because the other cause occurred in between. An attempt before the due time (a duplicate
    notification), or one that the service put off, does not count, so that a burst uses up no attempts.
    A user who needs attention stays listed until an attempt settles the user.
    """
    if previous is None:
        began = attempt.at
        fresh = Waiting(
            attempt.user_id, attempt.cause, attempt.reason, began, began, began, attempt=0
        )
        return _counted(replace(fresh, operation=attempt.operation), attempt, policy)
    if previous.needs_attention:
        return replace(previous, cause=attempt.cause, reason=attempt.reason, looked_at=attempt.at)
    early = attempt.at < previous.looked_at + policy.delay(max(1, previous.attempt))
    if early or attempt.pause:
        due = previous.looked_at + policy.delay(max(1, previous.attempt))
        due = max(due, attempt.at + attempt.pause)
        return replace(previous, cause=attempt.cause, reason=attempt.reason, due=due)
    return _counted(previous, attempt, policy)


def may_reprocess(waiting: Waiting, policy: RetryPolicy) -> bool:
    """Return whether to reprocess the license, now that the grace period is over."""
    return (
        waiting.needs_attention
        and waiting.cause is WaitReason.PROVISIONING
        and policy.reprocess
        and not waiting.reprocessed
    )


def after_reprocessing(waiting: Waiting, now: datetime, policy: RetryPolicy) -> Waiting:
    """Return the row of a user whose license is reprocessed: a new grace period begins."""
    due = now + policy.delay(1)
    return replace(waiting, since=now, attempt=1, due=due, reprocessed=True)


def ask_person(user_id: str, upn: str, reason: str, now: datetime) -> Waiting:
    """Return a row that needs attention at once, because a retry cannot help."""
    return Waiting(user_id, WaitReason.FAILURE, reason, now, None, now, upn=upn)


def _counted(row: Waiting, attempt: Attempt, policy: RetryPolicy) -> Waiting:
    failed = attempt.cause is WaitReason.FAILURE
    count, failures = row.attempt + 1, row.failures + failed
    exhausted = (
        failures >= policy.max_failures if failed else attempt.at - row.since >= policy.grace
    )
    due = attempt.at + max(policy.delay(count), attempt.pause)
    return replace(
        row,
        cause=attempt.cause,
        reason=attempt.reason,
        upn=attempt.upn or row.upn,
        attempt=count,
        failures=failures,
        looked_at=attempt.at,
        due=None if exhausted else due,
    )
