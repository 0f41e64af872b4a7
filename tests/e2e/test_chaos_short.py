"""A short storm, through the same code as `make chaos`."""

import pytest

from tests.chaos.report import lines_of
from tests.chaos.run import run

pytestmark = pytest.mark.third_parties


@pytest.mark.large
def test_no_rule_breaks_in_a_short_storm() -> None:
    """40 users, some seconds of faults, each kind of blow once: every rule holds afterwards."""
    result = run(3, users=40, minutes=0.1, hosts=2)
    report = "\n".join(lines_of(result))
    assert result.good, report
    assert result.share > 0.15, report
    assert result.damage.hosts_killed >= 3, report
    assert result.damage.storage_stops, report
    assert result.verdict.on_microsoft > 0, report
    assert result.verdict.replaced > 0, report
