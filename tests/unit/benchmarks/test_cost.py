"""The cost of a month follows from measured figures, schedules and assumptions."""

from itertools import pairwise

import pytest

from benchmarks.cost import SIZES, Assumptions, Prices, figure, month, table, timer_runs

IDLE = Assumptions(churn=0, looks=0, moved=0, page_seconds=0, memory=2)


def test_figures_are_read_from_the_page() -> None:
    """A figure is the first number of its row, thousands and words aside."""
    assert figure("moves", "requests to Teams") == 3.0
    assert figure("import", "the app, no bytecode yet") == 1663.0


def test_a_figure_that_is_not_there_is_refused() -> None:
    """A row that was renamed is named, not taken for zero."""
    with pytest.raises(KeyError, match="speed of light"):
        figure("moves", "speed of light")


def test_timers_run_by_the_default_schedules() -> None:
    """Twice a day, once a minute and once an hour, for 30 days."""
    assert timer_runs() == 30 * (2 + 1440 + 24)


def test_an_idle_tenant_pays_for_its_timers() -> None:
    """Nobody changes: each timer is billed for one second with all the memory."""
    idle = month(1_000, IDLE, Prices())
    assert idle.executions == timer_runs()
    assert idle.gb_seconds == 2 * timer_runs()
    assert idle.parts["GB-seconds"] == pytest.approx(2 * timer_runs() * 0.000026)


def test_a_moved_user_costs_its_calls() -> None:
    """Three calls to Teams of half a second each are a second and a half of an instance."""
    moving = Assumptions(churn=0, looks=0, moved=1, page_seconds=0, memory=1, teams_seconds=0.5)
    none = Assumptions(churn=0, looks=0, moved=0, page_seconds=0, memory=1)
    more = month(1_000, moving, Prices()).gb_seconds - month(1_000, none, Prices()).gb_seconds
    assert more == pytest.approx(1_500)


def test_larger_tenants_cost_more() -> None:
    """Each part grows with the users."""
    months = [month(users, Assumptions(), Prices()).parts for users in SIZES]
    assert all(a[part] < b[part] for a, b in pairwise(months) for part in a)


def test_the_table_has_every_size() -> None:
    """Three tenants side by side, and the options beneath."""
    written = table()
    assert all(f"{users:,} users" in written for users in SIZES)
    assert "always-ready" in written
