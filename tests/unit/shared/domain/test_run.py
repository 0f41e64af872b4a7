"""Ids of runs, and the weaker of modes."""

import re
from datetime import date

import pytest

from shared.domain.run import Mode, Signal, months_back, new_run_id, weaker
from tests.fakes import NOON


def test_an_id_sorts_by_its_start() -> None:
    """Start, cause and eight random digits."""
    first, second = new_run_id(Signal.SWEEP, NOON), new_run_id(Signal.SWEEP, NOON)
    assert re.fullmatch(rf"{NOON:%Y%m%d}T120000Z-sweep-[0-9a-f]{{8}}", first)
    assert first != second


@pytest.mark.parametrize(
    ("modes", "mode"),
    [
        ((Mode.MOVE, Mode.MOVE), Mode.MOVE),
        ((Mode.MOVE, Mode.REPORT), Mode.REPORT),
        ((Mode.REPORT, Mode.MOVE), Mode.REPORT),
        ((Mode.MOVE, None), Mode.REPORT),
        ((Mode.REPORT,), Mode.REPORT),
    ],
)
def test_who_may_only_report_changes_nobody(modes: tuple[Mode | None, ...], mode: Mode) -> None:
    """One mode that is not `move`, or not known, is enough."""
    assert weaker(*modes) is mode


@pytest.mark.parametrize(
    ("months", "first"),
    [
        (0, date(2026, 11, 1)),
        (10, date(2026, 1, 1)),
        (11, date(2025, 12, 1)),
        (23, date(2024, 12, 1)),
    ],
)
def test_months_back_from_november(months: int, first: date) -> None:
    """The first day of the month, across years."""
    assert months_back(NOON, months) == first
