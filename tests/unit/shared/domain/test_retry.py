"""When a waiting user is tried again, and when the user needs attention."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import overshoot
from shared.domain.retry import (
    DEFAULT_PACE,
    Attempt,
    Pace,
    RetryPolicy,
    Waiting,
    WaitReason,
    after_reprocessing,
    ask_person,
    keep_waiting,
)
from tests.fakes import NOON, guid

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POLICY = RetryPolicy(Pace(0.5, MINUTE, 5 * MINUTE), grace=timedelta(hours=1), max_failures=3)


def again(
    previous: Waiting | None, cause: WaitReason, minutes: float = 0, pause: float = 0
) -> Waiting:
    """One more look that did not settle the user, some minutes after noon."""
    look = Attempt(guid(1), cause, "why", NOON + minutes * MINUTE, pause=pause * MINUTE)
    return keep_waiting(previous, look, POLICY)


def test_pauses_follow_the_age_between_floor_and_ceiling() -> None:
    """Without the date of the license, the age is the time since the user began to wait."""
    row: Waiting | None = None
    pauses = []
    for minutes in (0, 1, 6, 20):
        row = again(row, WaitReason.PROVISIONING, minutes)
        pauses.append(row.due - NOON - minutes * MINUTE)
    assert pauses == [MINUTE, MINUTE, 3 * MINUTE, 5 * MINUTE]


@pytest.mark.parametrize(
    ("cause", "licensed", "pause"),
    [
        (WaitReason.PROVISIONING, NOON - 30 * MINUTE, 2.7 * MINUTE),
        (WaitReason.PROVISIONING, NOON - timedelta(days=1), HOUR),
        (WaitReason.PROVISIONING, NOON - timedelta(days=1, seconds=1), 0.75 * MINUTE),
        (WaitReason.PROVISIONING, NOON - timedelta(days=400), 0.75 * MINUTE),
        (WaitReason.PROVISIONING, NOON + HOUR, 0.75 * MINUTE),
        (WaitReason.PROVISIONING, None, 0.75 * MINUTE),
        (WaitReason.SERVICE, NOON - timedelta(days=400), 0.75 * MINUTE),
        (WaitReason.SECOND_LOOK, NOON - timedelta(days=400), 0.75 * MINUTE),
        (WaitReason.FAILURE, NOON - timedelta(days=400), 1.5 * MINUTE),
    ],
)
def test_only_provisioning_counts_from_the_license(
    cause: WaitReason, licensed: datetime | None, pause: timedelta
) -> None:
    """An old license makes nobody wait long: for a service that was away, or for a plan that came back."""
    attempt = Attempt(guid(1), cause, "why", NOON, licensed_at=licensed)
    policy = RetryPolicy(DEFAULT_PACE, timedelta(days=1), 6)
    assert keep_waiting(None, attempt, policy).due == NOON + pause


def test_a_reprocessed_license_is_a_new_beginning() -> None:
    """After Graph was asked to reprocess, the age counts from then, not from an old license."""
    policy = RetryPolicy(DEFAULT_PACE, timedelta(days=1), 6, reprocess=True)
    old = Attempt(guid(1), WaitReason.PROVISIONING, "why", NOON, licensed_at=NOON - 400 * HOUR)
    row = after_reprocessing(keep_waiting(None, old, policy), NOON, policy)
    later = replace(old, at=NOON + 20 * MINUTE)
    assert keep_waiting(row, later, policy).due == NOON + 21.8 * MINUTE


def test_failures_double_the_pause_up_to_the_ceiling() -> None:
    """Six failed attempts take three quarters of an hour, and no number of them overflows."""
    pauses = [DEFAULT_PACE.pause(timedelta(0), failures=count) for count in (1, 2, 3, 4, 5)]
    assert pauses == [minutes * MINUTE for minutes in (1.5, 3, 6, 12, 24)]
    assert DEFAULT_PACE.pause(timedelta(0), failures=10_000) == HOUR


def test_whatever_the_lag_the_attempt_that_succeeds_comes_soon_after() -> None:
    """Every lag of 10 minutes to 24 hours, every phase: 10 % on average, 20 % at most, 67 looks a day."""
    figures = {figure.what: figure for figure in overshoot.run(quick=True)}
    assert [figure.what for figure in figures.values() if not figure.met] == []
    assert figures["attempts in a user's first day"].value == 67
    assert figures["overshoot, average"].value < 4


def test_grace_period_ends_provisioning() -> None:
    """A user the service does not take within the grace period needs attention, with the reason."""
    first = again(None, WaitReason.PROVISIONING)
    assert not again(first, WaitReason.PROVISIONING, 59).needs_attention
    late = again(first, WaitReason.PROVISIONING, 60)
    assert late.needs_attention
    assert late.reason == "why"


def test_failures_are_bounded() -> None:
    """After the permitted number of failures the user needs attention."""
    row = again(again(None, WaitReason.FAILURE), WaitReason.FAILURE, 2)
    assert not row.needs_attention
    assert again(row, WaitReason.FAILURE, 7).needs_attention


def test_looks_before_their_time_do_not_count() -> None:
    """Duplicates within the pause change neither the counts nor the due time."""
    row = again(None, WaitReason.FAILURE)
    for _ in range(10):
        row = again(row, WaitReason.FAILURE, 0.5)
    assert (row.failures, row.due) == (1, NOON + 2 * MINUTE)


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
    row = again(again(None, WaitReason.FAILURE), WaitReason.SERVICE, 2)
    assert (row.since, row.failures, row.attempt) == (NOON, 1, 2)
    row = again(again(row, WaitReason.FAILURE, 7), WaitReason.FAILURE, 12)
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
