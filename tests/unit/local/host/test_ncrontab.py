from datetime import UTC, datetime

import pytest

from local.host.errors import ScheduleError
from local.host.ncrontab import Schedule


def at(text: str) -> datetime:
    """A UTC moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 2026-11-23 is a Monday.
NEXT = [
    ("0 */5 * * * *", "2026-11-23T10:02:10", "2026-11-23T10:05:00"),
    ("*/15 * * * * *", "2026-11-23T10:02:10", "2026-11-23T10:02:15"),
    ("30 * * * * *", "2026-11-23T10:02:30", "2026-11-23T10:03:30"),
    ("0 0 2 * * *", "2026-11-23T02:00:00", "2026-11-24T02:00:00"),
    ("0 30 9 * * 1-5", "2026-11-27T12:00:00", "2026-11-30T09:30:00"),
    ("0 0 0 * Jan Mon", "2026-11-23T00:00:00", "2027-01-04T00:00:00"),
    ("5 4 * * *", "2026-11-23T10:00:00", "2026-11-24T04:05:00"),
    # day AND day-of-week: Friday the 13th, not every Friday and every 13th
    ("0 0 0 13 * 5", "2026-11-14T00:00:00", "2027-08-13T00:00:00"),
    ("0 0 12 1 * 1", "2026-11-23T10:00:00", "2027-02-01T12:00:00"),
]


@pytest.mark.parametrize(("text", "moment", "expected"), NEXT)
def test_next_after(text: str, moment: str, expected: str) -> None:
    """The next run is strictly later, and day and day-of-week must both match."""
    assert Schedule.parse(text).next_after(at(moment)) == at(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("00:05:00", "time span"),
        ("0 61 * * * *", "not an NCRONTAB"),
        ("0 0 0 L * *", "characters"),
        ("0 0 0 * * 5#1", "characters"),
        ("0 0 0 * Foo *", "not an NCRONTAB"),
    ],
)
def test_bad_schedule_is_refused(text: str, message: str) -> None:
    """What Azure would not run is refused, also where croniter would take it."""
    with pytest.raises(ScheduleError, match=message):
        Schedule.parse(text)
