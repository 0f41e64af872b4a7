"""How long users wait from their license to Microsoft, counted by length."""

from datetime import timedelta

import pytest

from shared.domain.license_age import LicenseAges, spoken, step_of


@pytest.mark.parametrize("seconds", [1, 2, 59, 60, 1_500, 3_600, 86_400, 2_600_000])
def test_what_comes_out_is_at_most_nine_percent_too_long(seconds: int) -> None:
    """Every age from a second to a month; never too short, to half a second."""
    ages = LicenseAges.of({step_of(timedelta(seconds=seconds)): 3})
    assert ages
    assert (ages.users, ages.p50) == (3, ages.p99)
    assert seconds - 0.5 <= ages.p50.total_seconds() <= 1.0906 * seconds + 0.5


@pytest.mark.parametrize("age", [timedelta(), timedelta(seconds=-30)])
def test_a_clock_that_is_behind_makes_the_shortest_age(age: timedelta) -> None:
    """Less than a second, and a license of the future."""
    assert step_of(age) == 0


def test_percentiles() -> None:
    """Half and 99 % of the users, whatever the order of the steps; nobody has no age."""
    assert LicenseAges.of({80: 1, 8: 50, 40: 49}) == LicenseAges(
        100, timedelta(seconds=2), timedelta(seconds=32)
    )
    assert LicenseAges.of({80: 2, 8: 98}) == LicenseAges(
        100, timedelta(seconds=2), timedelta(seconds=1_024)
    )
    assert LicenseAges.of({}) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2 h"),
        (12_600, "4 h"),
        (90_000, "25 h"),
    ],
)
def test_a_length_for_people(seconds: int, text: str) -> None:
    """In the unit in which it has two or three digits."""
    assert spoken(seconds) == text
