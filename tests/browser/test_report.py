"""The report of a run in a browser: one file, searched and filtered without a server."""

from pathlib import Path

from playwright.sync_api import Browser

from cli.report import page
from shared.domain.outcome import Outcome, UserResult
from shared.domain.run import Run, RunState, Signal
from shared.services.admin.number_changes import NumberChange
from shared.services.admin.result_details import ResultDetail
from shared.views.runs import DetailView
from tests.fakes import NOON, guid

OUTCOMES = [Outcome.MOVED, Outcome.MOVED, Outcome.MOVED, Outcome.MOVED, Outcome.FAILED]


def test_a_report_is_searched_and_filtered(browser: Browser, tmp_path: Path) -> None:
    """By words and by outcome, from a file; the chart's bars are as long as their numbers say."""
    run = Run("r1", Signal.REQUEST, RunState.FINISHED, NOON, NOON)
    results = [
        UserResult(guid(number), outcome, "", f"user{number}@x.example")
        for number, outcome in enumerate(OUTCOMES)
    ]
    rows = [DetailView.of(run, ResultDetail(NumberChange(each))).model_dump() for each in results]
    file = tmp_path / "run.html"
    file.write_text(page(run, rows, [], NOON), encoding="utf-8")
    opened = browser.new_page(offline=True)
    opened.goto(file.as_uri())
    shown = opened.locator("#shown")
    assert shown.inner_text() == "5 of 5 shown"
    opened.locator("#words").fill("USER3@x")
    assert shown.inner_text() == "1 of 5 shown"
    assert opened.locator("#users tbody tr:visible").inner_text().split()[0] == "user3@x.example"
    opened.locator("#words").fill("")
    opened.locator("#outcome").select_option("failed")
    assert shown.inner_text() == "1 of 5 shown"
    assert opened.locator("#users tbody tr:visible").inner_text().split()[0] == "user4@x.example"
    bars = opened.locator("svg rect").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().width)"
    )
    assert [round(bar / max(bars), 2) for bar in bars] == [0.25, 1.0], "failed, moved"
    opened.close()
