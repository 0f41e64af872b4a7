"""The whole row of a waiting user after each kind of attempt."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.retry import (
    Attempt,
    Pace,
    RetryPolicy,
    Waiting,
    WaitReason,
    after_reprocessing,
    keep_waiting,
    may_reprocess,
    with_runs,
)
from tests.fakes import NOON, guid

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POLICY = RetryPolicy(pace=Pace(0.09, MINUTE, HOUR), grace=HOUR, max_failures=3, reprocess=True)
FIRST = Waiting(
    guid(1),
    WaitReason.PROVISIONING,
    "not there",
    since=NOON,
    due=NOON + MINUTE,
    looked_at=NOON,
    upn="a@b",
    operation="0af7",
)
LISTED = replace(FIRST, needs_attention=True, due=NOON + HOUR)


def after(row: Waiting | None, minutes: float, **fields: object) -> Waiting:
    """The row after another attempt, some minutes after noon."""
    attempt = Attempt(guid(1), WaitReason.SERVICE, "away", NOON + minutes * MINUTE)
    return keep_waiting(row, replace(attempt, **fields), POLICY)  # type: ignore[arg-type]


def test_the_first_attempt_begins_the_wait() -> None:
    """Everything that the attempt knows is kept, with the operation in which the wait began."""
    first = after(
        None, 0, cause=WaitReason.PROVISIONING, reason="not there", upn="a@b", operation="0af7"
    )
    assert first == FIRST


@pytest.mark.parametrize(("given", "kept"), [("c@d", "c@d"), ("", "a@b")])
def test_a_counted_attempt_brings_cause_reason_and_name(given: str, kept: str) -> None:
    """The last attempt is what a person reads; a name that it does not know is kept."""
    assert after(FIRST, 1, upn=given, operation="other") == replace(
        FIRST,
        cause=WaitReason.SERVICE,
        reason="away",
        upn=kept,
        attempt=2,
        looked_at=NOON + MINUTE,
        due=NOON + 2 * MINUTE,
    )


@pytest.mark.parametrize("on_queue", [timedelta(0), 30 * MINUTE])
def test_an_early_attempt_is_due_when_the_user_was(on_queue: timedelta) -> None:
    """It changes what is read, not the counts; a due time that the queue moved on is put back."""
    early = after(replace(FIRST, due=FIRST.due + on_queue), 0.5)
    assert early == replace(FIRST, cause=WaitReason.SERVICE, reason="away")


def test_an_early_attempt_after_the_grace_period_counts() -> None:
    """A pause that is longer than the grace period does not hide the user for its length."""
    policy = replace(POLICY, pace=Pace(0.09, 2 * HOUR, 2 * HOUR))
    attempt = Attempt(guid(1), WaitReason.SERVICE, "away", NOON + HOUR)
    early = replace(attempt, at=NOON + 59 * MINUTE)
    assert not keep_waiting(FIRST, early, policy).needs_attention
    assert keep_waiting(FIRST, attempt, policy).needs_attention


def test_who_is_put_off_at_the_end_of_the_grace_period_counts() -> None:
    """A minute before, a pause of the service costs no attempt; from then on it does."""
    failure = {"cause": WaitReason.FAILURE, "pause": MINUTE}
    assert after(FIRST, 59, **failure).failures == 0
    assert after(FIRST, 60, **failure).failures == 1


@pytest.mark.parametrize(("pause", "due"), [(0, 60), (30, 60), (90, 91)])
def test_an_early_attempt_at_a_listed_user_heeds_the_pause(pause: int, due: int) -> None:
    """The due time moves on only when the service asks for more."""
    early = after(LISTED, 1, pause=pause * MINUTE)
    expected = replace(LISTED, cause=WaitReason.SERVICE, reason="away")
    assert early == replace(expected, due=NOON + due * MINUTE)


def test_a_listed_user_who_was_due_is_tried_in_vain() -> None:
    """The time of the attempt is kept: the next pause counts from it."""
    assert after(LISTED, 120) == replace(
        LISTED,
        cause=WaitReason.SERVICE,
        reason="away",
        looked_at=NOON + 2 * HOUR,
        due=NOON + 3 * HOUR,
    )


@pytest.mark.parametrize(
    ("waiting", "policy", "permitted"),
    [
        (LISTED, POLICY, True),
        (FIRST, POLICY, False),
        (replace(LISTED, cause=WaitReason.FAILURE), POLICY, False),
        (LISTED, replace(POLICY, reprocess=False), False),
        (replace(LISTED, reprocessed=True), POLICY, False),
    ],
)
def test_a_license_is_reprocessed_once(
    waiting: Waiting, policy: RetryPolicy, permitted: bool
) -> None:
    """Only of a user whom the service did not take in time, where it is permitted, and never again."""
    assert may_reprocess(waiting, policy) is permitted


def test_reprocessing_begins_a_new_grace_period() -> None:
    """Start, attempts and due time count from now; who it is and why stay."""
    row = replace(LISTED, attempt=9, failures=1)
    now = NOON + 5 * HOUR
    assert after_reprocessing(row, now, POLICY) == replace(
        row, since=now, due=now + MINUTE, attempt=1, needs_attention=False, reprocessed=True
    )


@pytest.mark.parametrize("given", ["", "c@d"])
def test_a_pause_counts_neither_attempts_nor_time(given: str) -> None:
    """The wait starts over when it ends, also of who was listed; what was counted before stays."""
    row = replace(LISTED, attempt=4, failures=2)
    reason = {"cause": WaitReason.PAUSED, "reason": "changes are paused", "operation": "other"}
    at = NOON + 9 * MINUTE
    assert after(row, 9, **reason, upn=given) == replace(
        row,
        cause=WaitReason.PAUSED,
        reason="changes are paused",
        upn=given or "a@b",
        since=at,
        looked_at=at,
        due=at + MINUTE,
        needs_attention=False,
    )
    assert after(None, 9, **reason, upn=given) == Waiting(
        guid(1),
        WaitReason.PAUSED,
        "changes are paused",
        since=at,
        due=at + MINUTE,
        looked_at=at,
        attempt=0,
        upn=given,
        operation="other",
    )


@pytest.mark.parametrize(
    ("minutes", "fields", "due"),
    [
        (40, {"failures": 2}, 40 + 4),
        (50, {}, 50 + 4.5),
    ],
)
def test_provisioning_is_tried_at_its_own_pace(
    minutes: float, fields: dict[str, int], due: float
) -> None:
    """After a share of the wait so far; each failure before doubles the shortest pause."""
    row = replace(FIRST, **fields)  # type: ignore[arg-type]
    found = after(row, minutes, cause=WaitReason.PROVISIONING)
    assert found.due == NOON + due * MINUTE


def test_trouble_is_tried_after_half_of_the_wait() -> None:
    """However old the license is."""
    found = after(FIRST, 40, licensed_at=NOON - 400 * HOUR)
    assert found.due == NOON + (40 + 20) * MINUTE


def test_whether_an_attempt_is_early_depends_on_the_age_of_the_license() -> None:
    """Four and a half minutes after an attempt at a license that is 50 minutes old."""
    licensed = {"cause": WaitReason.PROVISIONING, "licensed_at": NOON - 50 * MINUTE}
    early = after(FIRST, 4, **licensed)
    assert early == replace(FIRST, reason="away", due=NOON + 4.5 * MINUTE)
    assert after(FIRST, 4.5, **licensed).attempt == 2


def test_a_pace() -> None:
    """The share of an age, between floor and ceiling; and its form in the settings."""
    pace = Pace(0.5, MINUTE, HOUR)
    ages = [timedelta(0), 10 * MINUTE, 9 * HOUR]
    assert [pace.pause(age) for age in ages] == [MINUTE, 5 * MINUTE, HOUR]
    assert [pace.pause(age, 0.4, 1) for age in ages] == [2 * MINUTE, 4 * MINUTE, HOUR]
    assert str(Pace(0.09, 45 * timedelta(seconds=1), HOUR)) == "9%,45,3600"


def test_a_row_remembers_the_newest_hundred_runs() -> None:
    """Each once, in the order of their starts."""
    assert with_runs(("b", "a", "b")) == ("a", "b")
    names = [f"run-{number:03}" for number in range(102)]
    assert with_runs(reversed(names)) == tuple(names[2:])
