"""When a waiting user is looked at again, and when a person is asked."""

from datetime import timedelta

from shared.domain.waiting import Cause, Patience, Waiting, ask_person, keep_waiting
from tests.fakes import NOON, guid

PATIENCE = Patience(
    delays=[timedelta(minutes=1), timedelta(minutes=5)], grace=timedelta(hours=1), max_failures=3
)


def again(previous: Waiting | None, cause: Cause, minutes: float = 0) -> Waiting:
    """One more look that ended in waiting, some minutes after noon."""
    return keep_waiting(
        previous,
        user_id=guid(1),
        upn="user1@contoso.example",
        cause=cause,
        reason="why",
        now=NOON + timedelta(minutes=minutes),
        patience=PATIENCE,
    )


def test_delays_grow_and_the_last_repeats() -> None:
    """The pauses follow the list; after its end the last one is kept."""
    row: Waiting | None = None
    pauses = []
    for minutes in (0, 1, 6):
        row = again(row, Cause.PROVISIONING, minutes)
        assert row.due is not None
        pauses.append(row.due - NOON - timedelta(minutes=minutes))
    assert pauses == [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=5)]


def test_grace_period_ends_provisioning() -> None:
    """A user the service does not take within the grace period needs attention, with the reason."""
    first = again(None, Cause.PROVISIONING)
    assert not again(first, Cause.PROVISIONING, 59).needs_attention
    late = again(first, Cause.PROVISIONING, 60)
    assert late.needs_attention
    assert late.reason == "why"


def test_failures_are_bounded() -> None:
    """After the permitted number of failures a person is asked."""
    row = again(again(None, Cause.FAILURE), Cause.FAILURE)
    assert not row.needs_attention
    assert again(row, Cause.FAILURE).needs_attention


def test_another_cause_starts_anew() -> None:
    """A failure after a long wait has its own count, and the other way round."""
    waited = again(again(None, Cause.PROVISIONING), Cause.PROVISIONING, 30)
    failed = again(waited, Cause.FAILURE, 31)
    assert (failed.attempt, failed.since) == (1, NOON + timedelta(minutes=31))


def test_asking_a_person_at_once() -> None:
    """What trying again cannot mend needs attention at once."""
    assert ask_person(guid(1), "user1@contoso.example", "retired", NOON).needs_attention
