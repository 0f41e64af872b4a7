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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A user who is to be looked at again, or who needs attention (`due` is None).

    since: when the user began to wait for this cause (UTC). attempt: looks so far.
    """

    user_id: str
    cause: Cause
    reason: str
    since: datetime
    attempt: int
    due: datetime | None
    upn: str = ""
    reprocessed: bool = False

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


def keep_waiting(
    previous: Waiting | None,
    *,
    user_id: str,
    upn: str,
    cause: Cause,
    reason: str,
    now: datetime,
    patience: Patience,
) -> Waiting:
    """Return the user's next row: due again after a pause, or needing attention with `reason`.

    A change of cause starts the count anew. Only the grace period ends provisioning, only the
    number of tries ends failures.
    """
    same = previous if previous is not None and previous.cause is cause else None
    attempt = same.attempt + 1 if same else 1
    since = same.since if same else now
    exhausted = (
        now - since >= patience.grace
        if cause is Cause.PROVISIONING
        else attempt >= patience.max_failures
    )
    return Waiting(
        user_id=user_id,
        upn=upn,
        cause=cause,
        reason=reason,
        since=since,
        attempt=attempt,
        due=None if exhausted else now + patience.delay(attempt),
        reprocessed=same.reprocessed if same else False,
    )


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
    return Waiting(user_id, Cause.FAILURE, reason, since=now, attempt=1, due=None, upn=upn)
