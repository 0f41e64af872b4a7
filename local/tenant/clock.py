"""The tenant's clock: the machine's time, plus what a test has added."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970; `advance` moves it forward, so that no test has to wait."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._ahead = 0.0

    def now(self) -> float:
        """The tenant's time in seconds since 1970."""
        return self._source() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward. A clock that went back would undo what has happened."""
        if seconds < 0:
            raise ValueError(f"advance_seconds must not be negative, not {seconds}")
        self._ahead += seconds


def stamp(seconds: float) -> str:
    """A time as Graph writes it: `2026-11-23T10:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_stamp(seconds: float) -> str:
    """A time with the seven decimals Graph uses for event times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
