"""Retry policy: when a user is retried, and when the user needs attention. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.outcome import UserResult

_MOST_RUNS: Final = 100

_SLOW_FLOOR: Final = timedelta(hours=1)
_SLOW_CEILING: Final = timedelta(hours=24)
"""The pauses of users who need attention: hourly at first, daily in the end."""

_TROUBLE_SHARE: Final = 0.5
"""Pause as a share of the wait, where a user does not wait for provisioning: asked less often."""


_MOST_DOUBLINGS: Final = 64


class WaitReason(StrEnum):
    """Reason why a user is waiting."""

    PROVISIONING = "provisioning"
    """The service does not have the user yet: wait, up to the grace period."""
    SERVICE = "service"
    """A service or table failed, not this user: wait as for provisioning."""
    FAILURE = "failure"
    """This user's attempt failed: a bounded number of further attempts."""
    SECOND_LOOK = "second_look"
    """The change feed and the directory disagree: one more attempt."""
    PAUSED = "paused"
    """Changes are paused: wait until they are not, however long."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A user who is tried again when due; one who needs attention is listed and tried again, too.

    since: when the user began to wait (UTC). attempt: attempts that counted. failures: those of them
    that failed. looked_at: the last one that counted. operation: id of the operation in which the user
    began to wait, for the log. acknowledged_by, acknowledged_at: who knows of this reason, and since when.
    runs: those that tell of the user as one who waits or failed, and are told the final outcome.
    """

    user_id: str
    cause: WaitReason
    reason: str
    since: datetime
    due: datetime
    looked_at: datetime
    needs_attention: bool = False
    attempt: int = 1
    failures: int = 0
    upn: str = ""
    reprocessed: bool = False
    operation: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    runs: tuple[str, ...] = ()


def with_runs(runs: Iterable[str]) -> tuple[str, ...]:
    """Return the runs that a row remembers: each once, the newest ones if there are too many."""
    return tuple(sorted(set(runs))[-_MOST_RUNS:])


@dataclass(frozen=True, slots=True)
class SettledUser:
    """A user who waits no more: the final outcome, and the runs to tell it. revision: as of a due user."""

    result: UserResult
    runs: tuple[str, ...]
    revision: str = ""


@dataclass(frozen=True, slots=True)
class DueUser:
    """A user who is due. revision: of the stored row, so that nobody claims a row that was changed."""

    user_id: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon the next attempt follows: after a share of the user's age, between floor and ceiling.

    So an attempt is late by at most that share of the time that provisioning took, however long it took.
    """

    share: float
    floor: timedelta
    ceiling: timedelta

    def __str__(self) -> str:
        """Return the form of the setting: `9%,45,3600`."""
        bounds = (self.floor.total_seconds(), self.ceiling.total_seconds())
        return f"{100 * self.share:g}%,{bounds[0]:g},{bounds[1]:g}"

    def pause(self, age: timedelta, share: float | None = None, failures: int = 0) -> timedelta:
        """Return the pause at this age; it doubles with each failure. share: in place of the pace's."""
        floor = self.floor.total_seconds() * 2.0 ** min(failures, _MOST_DOUBLINGS)
        wanted = max(floor, (self.share if share is None else share) * age.total_seconds())
        return timedelta(seconds=min(self.ceiling.total_seconds(), wanted))


DEFAULT_PACE: Final = Pace(0.09, timedelta(seconds=45), timedelta(hours=1))
"""With a timer that runs every minute: at most 67 attempts in a user's first day, 24 on any other."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a user is retried.

    pace: how soon each further attempt follows.
    grace: how long provisioning may take. max_failures: attempts that may fail. reprocess: whether
    the license may be reprocessed once before the user needs attention.
    """

    pace: Pace
    grace: timedelta
    max_failures: int
    reprocess: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that did not settle a user.

    pause: the shortest pause that the service accepts. licensed_at: when the license was assigned.
    """

    user_id: str
    cause: WaitReason
    reason: str
    at: datetime
    upn: str = ""
    pause: timedelta = timedelta(0)
    operation: str = ""
    licensed_at: datetime | None = None


def keep_waiting(previous: Waiting | None, attempt: Attempt, policy: RetryPolicy) -> Waiting:
    """Return the user's next row: due again after a pause, and in need of attention at some time.

    What a service's state caused (not provisioned, unreachable, throttled, a missing role) counts by
    time: only the grace period ends it. What this user's attempts fail with counts by attempts. Neither
    count starts at zero because the other cause came between. An attempt that came before its time (a
    duplicate notification) or that the service put off does not count, so that a burst uses up nobody's
    attempts; but who is put off for longer than the grace period is counted all the same. Who needs
    attention stays listed, and is tried again ever more slowly, until an attempt settles the user. A
    pause counts neither way.
    """
    if attempt.cause is WaitReason.PAUSED:
        return _paused(previous, attempt, policy)
    if previous is None:
        return _counted(_fresh(attempt), attempt, policy)
    known = replace(
        previous,
        cause=attempt.cause,
        reason=attempt.reason,
        upn=attempt.upn or previous.upn,
        due=max(previous.due, attempt.at + attempt.pause),
    )
    if previous.needs_attention:
        # Not by `due`: that is moved on while the user is on the queue.
        early = attempt.at < previous.looked_at + _slow(previous.looked_at - previous.since)
        return known if early else _tried_in_vain(known, attempt)
    due = previous.looked_at + _pause_after(previous, attempt.licensed_at, policy)
    put_off = bool(attempt.pause) and attempt.at - previous.since < policy.grace
    early = attempt.at < due and not attempt.pause
    if put_off or (early and not _grace_is_over(known, attempt.at, policy)):
        return replace(known, due=max(due, attempt.at + attempt.pause))
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
    due = now + policy.pace.floor
    return replace(waiting, since=now, attempt=1, due=due, needs_attention=False, reprocessed=True)


def ask_person(user_id: str, upn: str, reason: str, now: datetime) -> Waiting:
    """Return a row that needs attention at once: only a person can cure the cause."""
    due = now + _SLOW_FLOOR
    return Waiting(user_id, WaitReason.FAILURE, reason, now, due, now, True, upn=upn)


def _paused(previous: Waiting | None, attempt: Attempt, policy: RetryPolicy) -> Waiting:
    """Return the row of a user who waits for the end of a pause; what was counted before stays."""
    row = previous or _fresh(attempt)
    return replace(
        row,
        cause=attempt.cause,
        reason=attempt.reason,
        upn=attempt.upn or row.upn,
        since=attempt.at,
        due=attempt.at + policy.pace.floor,
        looked_at=attempt.at,
        needs_attention=False,
    )


def _fresh(attempt: Attempt) -> Waiting:
    """Return the row of a user who begins to wait, before the attempt is counted."""
    at = attempt.at
    fresh = Waiting(attempt.user_id, attempt.cause, attempt.reason, at, at, at, attempt=0)
    return replace(fresh, operation=attempt.operation)


def _counted(row: Waiting, attempt: Attempt, policy: RetryPolicy) -> Waiting:
    count = row.attempt + 1
    failures = row.failures + (attempt.cause is WaitReason.FAILURE)
    counted = replace(
        row,
        cause=attempt.cause,
        reason=attempt.reason,
        upn=attempt.upn or row.upn,
        attempt=count,
        failures=failures,
        looked_at=attempt.at,
    )
    pause = max(_pause_after(counted, attempt.licensed_at, policy), attempt.pause)
    counted = replace(counted, due=attempt.at + pause)
    by_attempts = attempt.cause is WaitReason.FAILURE
    if failures >= policy.max_failures if by_attempts else _grace_is_over(row, attempt.at, policy):
        return _tried_in_vain(counted, attempt)
    return counted


def _pause_after(row: Waiting, licensed_at: datetime | None, policy: RetryPolicy) -> timedelta:
    """Return the pause that follows the row's last attempt.

    Provisioning began with the license, or when it was reprocessed. Where the date of the license is not
    known, or so old that provisioning would be over (a plan that came back may have its old date), and for
    whatever else a user waits, the time since the user began to wait counts.
    """
    pace = policy.pace
    if row.cause is not WaitReason.PROVISIONING:
        return pace.pause(row.looked_at - row.since, _TROUBLE_SHARE, row.failures)
    began = row.since
    if licensed_at and not row.reprocessed and row.since - licensed_at <= policy.grace:
        began = licensed_at
    return pace.pause(row.looked_at - began, None, row.failures)


def _grace_is_over(row: Waiting, now: datetime, policy: RetryPolicy) -> bool:
    return row.cause is not WaitReason.FAILURE and now - row.since >= policy.grace


def _tried_in_vain(row: Waiting, attempt: Attempt) -> Waiting:
    """Return the row in need of attention, due after an eighth of the time that the user has waited."""
    pause = max(_slow(attempt.at - row.since), attempt.pause)
    return replace(row, needs_attention=True, looked_at=attempt.at, due=attempt.at + pause)


def _slow(waited: timedelta) -> timedelta:
    return min(_SLOW_CEILING, max(_SLOW_FLOOR, waited / 8))
