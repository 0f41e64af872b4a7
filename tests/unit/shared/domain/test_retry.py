"""When a waiting user is tried again, and when the user needs attention."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.retry import Attempt, RetryPolicy, Waiting, WaitReason, ask_person, keep_waiting
from tests.fakes import NOON, guid

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POLICY = RetryPolicy(delays=[MINUTE, 5 * MINUTE], grace=timedelta(hours=1), max_failures=3)


def again(
    previous: Waiting | None, cause: WaitReason, minutes: float = 0, pause: float = 0
) -> Waiting:
    """One more look that did not settle the user, some minutes after noon."""
    look = Attempt(guid(1), cause, "why", NOON + minutes * MINUTE, pause=pause * MINUTE)
    return keep_waiting(previous, look, POLICY)


def test_delays_grow_and_the_last_repeats() -> None:
    """The pauses follow the list; after its end the last one is kept."""
    row: Waiting | None = None
    pauses = []
    for minutes in (0, 1, 6):
        row = again(row, WaitReason.PROVISIONING, minutes)
        assert row.due is not None
        pauses.append(row.due - NOON - minutes * MINUTE)
    assert pauses == [MINUTE, 5 * MINUTE, 5 * MINUTE]


def test_grace_period_ends_provisioning() -> None:
    """A user the service does not take within the grace period needs attention, with the reason."""
    first = again(None, WaitReason.PROVISIONING)
    assert not again(first, WaitReason.PROVISIONING, 59).needs_attention
    late = again(first, WaitReason.PROVISIONING, 60)
    assert late.needs_attention
    assert late.reason == "why"


def test_failures_are_bounded() -> None:
    """After the permitted number of failures the user needs attention."""
    row = again(again(None, WaitReason.FAILURE), WaitReason.FAILURE, 1)
    assert not row.needs_attention
    assert again(row, WaitReason.FAILURE, 6).needs_attention


def test_looks_before_their_time_do_not_count() -> None:
    """Duplicates within the pause change neither the counts nor the due time."""
    row = again(None, WaitReason.FAILURE)
    for _ in range(10):
        row = again(row, WaitReason.FAILURE, 0.5)
    assert (row.failures, row.due) == (1, NOON + MINUTE)


def test_pause_of_the_service_is_waited_out_and_costs_nothing() -> None:
    """A service that asks for an hour is asked again after an hour, and no try is used up."""
    row = again(again(None, WaitReason.FAILURE), WaitReason.FAILURE, 2, pause=60)
    assert (row.failures, row.due) == (1, NOON + 62 * MINUTE)


def test_user_who_needs_attention_is_not_taken_up_again_by_a_failure() -> None:
    """One more failed look at a user who needs attention leaves the user there."""
    row = ask_person(guid(1), "user1@contoso.example", "retired", NOON)
    assert row == Waiting(
        user_id=guid(1),
        cause=WaitReason.FAILURE,
        reason="retired",
        since=NOON,
        due=NOON + HOUR,
        looked_at=NOON,
        needs_attention=True,
        attempt=1,
        failures=0,
        upn="user1@contoso.example",
    )
    assert again(row, WaitReason.FAILURE, 60).needs_attention


@given(
    st.lists(
        st.sampled_from([WaitReason.PROVISIONING, WaitReason.SERVICE, WaitReason.FAILURE]),
        min_size=40,
        max_size=60,
    )
)
def test_everybody_reaches_a_person_however_the_causes_alternate(causes: list[WaitReason]) -> None:
    """Rule 3: whatever the order of waiting and failing, a user who is never settled needs attention."""
    row: Waiting | None = None
    at = 0.0
    for cause in causes:
        row = again(row, cause, at)
        at += 5
    assert row is not None
    assert row.needs_attention


def test_a_service_that_is_away_counts_by_time_not_by_attempts() -> None:
    """Rule 3: an hour of outage is ten attempts and no person; only the grace period ends it."""
    row: Waiting | None = None
    for minutes in (0, *range(5, 60, 5)):
        row = again(row, WaitReason.SERVICE, minutes)
    assert row == Waiting(
        user_id=guid(1),
        cause=WaitReason.SERVICE,
        reason="why",
        since=NOON,
        due=NOON + 60 * MINUTE,
        looked_at=NOON + 55 * MINUTE,
        attempt=12,
    )
    assert again(row, WaitReason.SERVICE, 60) == Waiting(
        user_id=guid(1),
        cause=WaitReason.SERVICE,
        reason="why",
        since=NOON,
        due=NOON + 120 * MINUTE,
        looked_at=NOON + 60 * MINUTE,
        needs_attention=True,
        attempt=13,
    )


def test_who_needs_attention_is_tried_hourly_then_daily() -> None:
    """Rule 3: nobody stays listed once the cause is cured, so each stays due: an eighth of the wait."""
    row = ask_person(guid(1), "", "why", NOON)
    pauses = []
    at = NOON
    for _ in range(40):
        at = row.due
        row = keep_waiting(row, Attempt(guid(1), WaitReason.FAILURE, "why", at), POLICY)
        assert row.needs_attention
        pauses.append(row.due - at)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (HOUR, 24 * HOUR)
    assert (
        HOUR < pauses[20] == (NOON + sum([HOUR, *pauses[:20]], timedelta()) - NOON) / 8 < 24 * HOUR
    )


def test_an_early_attempt_at_a_listed_user_moves_no_due_time_closer() -> None:
    """A notification about a user who needs attention changes the reason, not the next attempt."""
    row = ask_person(guid(1), "", "old", NOON)
    early = keep_waiting(
        row, Attempt(guid(1), WaitReason.SERVICE, "new", NOON + MINUTE, "upn"), POLICY
    )
    assert early == replace(row, cause=WaitReason.SERVICE, reason="new", upn="upn")


def test_a_new_cause_does_not_begin_the_wait_anew() -> None:
    """The time of an outage and the attempts of a failure add up side by side."""
    row = again(again(None, WaitReason.FAILURE), WaitReason.SERVICE, 1)
    assert (row.since, row.failures, row.attempt) == (NOON, 1, 2)
    row = again(again(row, WaitReason.FAILURE, 6), WaitReason.FAILURE, 11)
    assert (row.failures, row.attempt, row.needs_attention) == (3, 4, True)


@pytest.mark.parametrize("cause", [each for each in WaitReason if each is not WaitReason.PAUSED])
def test_who_is_put_off_for_weeks_reaches_a_person(cause: WaitReason) -> None:
    """Finding 21: a service that asks for an hour each time hides no user for 40 days; a pause may."""
    row, now = None, NOON
    listed = []
    for hour in range(40 * 24):
        row = keep_waiting(row, Attempt(guid(1), cause, "later", now, pause=HOUR), POLICY)
        listed.append(row.needs_attention)
        assert row.due - now >= HOUR
        now = max(now + HOUR, row.due)
        if hour > 6:
            assert row.needs_attention
    assert listed.index(True) <= 4
