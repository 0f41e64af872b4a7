"""The table of figures: a target that is missed must not look like one that is met."""

from benchmarks.__main__ import BENCHMARKS
from benchmarks.figures import ROOT, Figure, summary, table


def test_value_at_the_target_meets_it() -> None:
    """`at most` means at most: the very value is still good."""
    assert Figure("growth", 60.0, "MB", at_most=60).verdict == "met: at most 60"


def test_missed_target_says_so() -> None:
    """One above the target is a miss, in capitals."""
    assert Figure("calls", 53, "calls", at_most=50).verdict == "MISSED: at most 50"


def test_figure_without_target_has_no_verdict() -> None:
    """What has no target is neither met nor missed."""
    assert Figure("speed", 982.2, "users/s").verdict == ""


def test_table_shows_value_unit_and_note_in_one_row() -> None:
    """Small values keep three digits, large ones lose their fraction."""
    rows = table([Figure("a", 0.05091, "s", note="why"), Figure("b", 1234.5, "ms")]).splitlines()
    assert [cell.strip() for cell in rows[2].strip("|").split("|")] == [
        "a",
        "0.0509",
        "s",
        "",
        "why",
    ]
    assert [cell.strip() for cell in rows[3].strip("|").split("|")][1] == "1,234"


def test_the_summary_names_each_target_that_is_missed() -> None:
    """What has no target counts neither way."""
    figures = [Figure("a", 1, "s", 2), Figure("b", 3, "s", 2), Figure("c", 9, "s")]
    assert summary(figures).splitlines() == ["1 of 2 targets met", "MISSED: b: 3 s"]


def test_every_benchmark_is_in_the_document() -> None:
    """docs/performance.md has a section for each benchmark that `make bench` runs."""
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert [name for name in BENCHMARKS if f"## {name}\n" not in text] == []
