import random

import pytest

from local.host.backoff import Backoff


class Middle(random.Random):
    """Jitter that is always in the middle: none."""

    def uniform(self, a: float, b: float) -> float:
        """The middle of the range."""
        return (a + b) / 2


def test_delays_double_up_to_the_maximum() -> None:
    """Empty polls are followed by 100 ms, then by 100 ms plus a doubling delay."""
    backoff = Backoff(1.0, Middle())
    delays = [backoff.next_delay(found=False) for _ in range(7)]
    assert delays == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.9, 1.0, 1.0])


def test_a_found_message_starts_again() -> None:
    """After messages were found the next delay is the shortest one."""
    backoff = Backoff(60.0, Middle())
    for _ in range(8):
        backoff.next_delay(found=False)
    assert backoff.next_delay(found=True) == pytest.approx(0.1)
    assert backoff.next_delay(found=False) == pytest.approx(0.2)


def test_jitter_stays_within_a_fifth() -> None:
    """The random part is between 80 and 120 percent."""
    for seed in range(50):
        backoff = Backoff(60.0, random.Random(seed))
        backoff.next_delay(found=True)
        assert 0.18 <= backoff.next_delay(found=False) <= 0.22


def test_a_short_maximum_wins() -> None:
    """No delay is longer than maxPollingInterval, not even the first."""
    backoff = Backoff(0.1, Middle())
    assert backoff.next_delay(found=True) == pytest.approx(0.1)
    assert backoff.next_delay(found=False) == pytest.approx(0.1)
