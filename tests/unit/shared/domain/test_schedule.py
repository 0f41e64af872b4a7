"""Schedules: the app and the host must agree on the moments, and a tick must cover its parts."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.ncrontab import Schedule as HostSchedule
from shared.domain.schedule import Schedule, cover

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
"""A Thursday."""

_BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    """A field of an expression: `*`, a number, a range, steps, or a list of them."""

    def part() -> str:
        first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
        if first == last:
            return str(first)
        step = draw(st.sampled_from(["", f"/{draw(st.integers(1, high))}"]))
        return draw(st.sampled_from(["*", f"{first}-{last}"])) + step

    return ",".join(part() for _ in range(draw(st.integers(1, 2))))


expressions = st.tuples(*(fields(*bounds) for bounds in _BOUNDS)).map(" ".join)


@given(expressions, st.integers(0, 366 * 86_400))
def test_the_host_and_the_app_agree(text: str, second: int) -> None:
    """A second is a moment of a schedule for both or for neither."""
    at = NEW_YEAR + timedelta(seconds=second)
    before = at - timedelta(seconds=1)
    assert list(Schedule.parse(text).moments(before, at)) == [
        moment for moment in [HostSchedule.parse(text).next_after(before)] if moment == at
    ]


@given(expressions, expressions, st.integers(0, 366 * 86_400))
def test_a_cover_has_every_moment_of_its_parts(one: str, other: str, second: int) -> None:
    """No part is due while the tick does not run."""
    at = NEW_YEAR + timedelta(seconds=second)
    joined = Schedule.parse(cover(one, other))
    assert at in joined or (at not in Schedule.parse(one) and at not in Schedule.parse(other))


def test_the_default_schedules_tick_once_a_minute() -> None:
    """One execution a minute, whatever is due every five."""
    assert cover("0 * * * * *", "0 */5 * * * *") == "0 * * * * *"
    assert cover("0 */5 * * * *", "0 */2 * * * *") == "0 */5,*/2 * * * *"


def test_a_cover_of_expressions_of_other_lengths_is_refused() -> None:
    """A field too few would leave a part's moments out."""
    with pytest.raises(ValueError, match="shorter"):
        cover("0 * * * * *", "0 *")


@pytest.mark.parametrize("seconds", [59.5, 59])
def test_moments_are_whole_seconds_of_every_minute(seconds: float) -> None:
    """Also when the last tick was at the end of a minute."""
    after = NEW_YEAR + timedelta(seconds=seconds)
    minutes = [NEW_YEAR + timedelta(minutes=number) for number in (1, 2)]
    assert list(Schedule.parse("0 * * * * *").moments(after, minutes[-1])) == minutes


def test_hours_and_days_without_a_moment_are_passed_over() -> None:
    """From half past midnight of a Thursday to the next Sunday at two."""
    after, until = NEW_YEAR + timedelta(minutes=30), NEW_YEAR + timedelta(days=4)
    sunday = NEW_YEAR + timedelta(days=3, hours=2)
    assert list(Schedule.parse("0 0 2 * * sun").moments(after, until)) == [sunday]


def test_every_form_of_a_field_is_read() -> None:
    """Ranges with their ends, steps from a number to the end of the field, lists, everything."""
    text = "5-7 50/3 20-23/2 1,31 * 0-6"
    assert Schedule.parse(text) == Schedule(
        text,
        (
            frozenset({5, 6, 7}),
            frozenset({50, 53, 56, 59}),
            frozenset({20, 22}),
            frozenset({1, 31}),
            frozenset(range(1, 13)),
            frozenset(range(7)),
        ),
    )


def test_names_of_months_and_weekdays_are_read() -> None:
    """As in Azure, three letters or the whole name, in any case."""
    named, numbered = (
        Schedule.parse(f"0 0 2 * {field}").allowed for field in ("Jan-MAR monday", "1-3 1")
    )
    assert named == numbered


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("0 * * * *", "six fields are needed: second minute hour day month weekday"),
        ("0 0 24 * * *", "hour '24': 0 to 23 is needed"),
        ("0 0 0 0 * *", "day '0': 1 to 31 is needed"),
        ("0 0 0 * * 7", "weekday '7': 0 to 6 is needed"),
        ("0 5-1 0 * * *", "minute '5-1': the range ends before it begins"),
        ("0 */0 * * * *", "minute '*/0': after / a number above 0 is needed"),
        ("0 */x * * * *", "minute '*/x': after / a number above 0 is needed"),
        ("0 * * * mo *", "month 'mo': 1 to 12 is needed"),
        ("٣ * * * * *", "second '٣': 0 to 59 is needed"),
    ],
)
def test_what_is_wrong_is_named(text: str, fault: str) -> None:
    """The error names the field and what it may be."""
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        Schedule.parse(text)
