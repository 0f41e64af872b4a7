"""The queries ask only for what the app logs, and their answers are what alerts and charts use."""

import json
import re
from pathlib import Path

import pytest

from infra.checks import kql
from infra.checks.predicted import resources
from shared.telemetry.events import (
    Handled,
    Poison,
    PoisonRecorded,
    PoisonUnreadable,
    RenewalFailed,
    RunInterrupted,
    UpkeepFailed,
)
from shared.telemetry.log import line
from tests.loglines import parsed
from tests.seeding import ROOT, Mistake, copy

QUERIES = ROOT / "infra" / "queries"
CHECK, ALERTS = "queries, workbook and alerts", "infra/app/alerts.bicep"
DEFAULT = "infra/predicted/default.snapshot.json"

# fmt: off
MISTAKES = [
    ("moved_by_cause", "moved: long", "shifted: long", "never has the field 'shifted'"),
    ("moved_by_cause", "moved: long", "moved: string", "field 'moved' is a long, not a string"),
    ("delta_age", '"measured "', '"meassured "', "no code logs the event 'meassured '"),
    ("throttling", '"caught_up "', '"rechecked "', "'rechecked' never has the"),
    ("failed_sweep", "AppTraces", "AppLogs", "at 'AppLogs': The name 'AppLogs' does not refer"),
    ("failed_sweep", '| where Message startswith_cs "sweep_ended "\n', "", "asks for no event"),
    ("failure_share", "sum(failed)", "sum(faild)", "at 'faild': The name 'faild' does not refer"),
    ("failure_share", "escape='\\\\'", "escape='^'", "cannot read lines so"),
    ("ready_to_move", "Message startswith_cs", "Mesage startswith_cs", "at 'Mesage': The name"),
    ("ready_to_move", "bin(TimeGenerated, 1d)", 'bin(TimeGenerated, "day")',
     "not compatible with arguments (datetime, string)"),
    ("waiting_by_age", "| order by", "| sorted by", "at '"),
]
USES = [
    Mistake("an alert's measure that is not in the answer", CHECK, DEFAULT,
            '"metricMeasureColumn": "hours_left"', '"metricMeasureColumn": "days_left"',
            "measures days_left, no number in the answer", ALERTS),
    Mistake("an alert that measures a text", CHECK, DEFAULT,
            '"metricMeasureColumn": "failed"', '"metricMeasureColumn": "state"', "measures state", ALERTS),
    Mistake("an alert with a query of its own", CHECK, DEFAULT,
            "ago(15m)", "ago(25m)", "acp-needs-attention has a query of its own", ALERTS),
]
# fmt: on

CHARTS = {
    "delta_age": "AppTraces | summarize lines = count() by Message",  # no time
    "subscription_expiry": "AppTraces | project TimeGenerated, Message",  # no number
}
"""What charts along the time are asked instead of their queries."""


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the check says of a copy with all mistakes, those in queries in files of their own."""
    folder = copy(tmp_path_factory.mktemp("kql"))
    for number, (query, right, wrong, _) in enumerate(MISTAKES):
        text = (QUERIES / f"{query}.kql").read_text(encoding="utf-8")
        assert right in text
        mistaken = folder / "infra" / "queries" / f"mistake{number}.kql"
        mistaken.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    for mistake in USES:
        mistake.seed(folder)
    for query, instead in CHARTS.items():
        _ask(folder, query, instead)
    page = folder / "docs" / "telemetry.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| where Message has", "| where Mesage has"), encoding="utf-8")
    return [str(one) for one in kql.check(folder)]


def _ask(folder: Path, query: str, instead: str) -> None:
    """Write another query into its file, and into each deployment that has it."""
    text = (QUERIES / f"{query}.kql").read_text(encoding="utf-8")
    old, new = (json.dumps(one, ensure_ascii=False) for one in (text, instead))
    for path in (folder / "infra" / "predicted").glob("*.snapshot.json"):
        content = path.read_text(encoding="utf-8")
        path.write_text(content.replace(old, new), encoding="utf-8")
    (folder / "infra" / "queries" / f"{query}.kql").write_text(instead, encoding="utf-8")


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[said for *_, said in MISTAKES])
def test_a_mistake_in_a_query_is_named(problems: list[str], number: int) -> None:
    """A column, field, event, table, type or option that is not there: file, line and name are said."""
    file = f"infra/queries/mistake{number}.kql:"
    assert [
        one for one in problems if re.match(rf"{file}\d+: ", one) and MISTAKES[number][-1] in one
    ]


@pytest.mark.parametrize("mistake", USES, ids=lambda mistake: mistake.what)
def test_a_mistake_in_an_alert_is_found(problems: list[str], mistake: Mistake) -> None:
    """The check says which file is wrong and what is wrong there."""
    assert mistake.found(problems), problems


def test_a_query_that_nobody_uses_is_named(problems: list[str]) -> None:
    """What neither workbook nor alerts use would rot."""
    assert (
        "infra/queries/mistake0.kql: neither workbook nor alerts use it. Use or remove it."
        in problems
    )


def test_a_mistake_in_the_docs_is_named_with_its_line(problems: list[str]) -> None:
    """Queries that people are to paste are read, too."""
    (found,) = (one for one in problems if one.startswith("docs/"))
    lines = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8").splitlines()
    number = 1 + next(n for n, one in enumerate(lines) if "| where Message has" in one)
    assert found.startswith(f"docs/telemetry.md:{number}: at 'Mesage'")


@pytest.mark.parametrize("query", CHARTS)
def test_a_chart_needs_a_number_along_an_axis(problems: list[str], query: str) -> None:
    """Columns and types come from the parser, not from the query's words."""
    assert any("no linechart can show that" in one and query in one for one in problems)


def test_the_workbook_shows_what_was_asked_for() -> None:
    """Each chart is one query over the chosen time range, on the deployment's workspace."""
    for one in resources(ROOT, "Microsoft.Insights/workbooks"):
        book = one.at("serializedData")
        charts = {item["name"]: item["content"] for item in book["items"] if item["type"] == 3}
        assert set(charts) >= {
            "ready_to_move",
            "moved_by_cause",
            "failures_by_reason",
            "waiting_by_age",
            "throttling",
            "subscription_expiry",
            "delta_age",
        }
        for name, chart in charts.items():
            assert chart["query"] == (QUERIES / f"{name}.kql").read_text(encoding="utf-8")
            assert chart["timeContextFromParameter"] == "TimeRange"
            assert chart["crossComponentResources"] == book["fallbackResourceIds"]


def test_there_is_an_alert_for_each_danger() -> None:
    """Poison, attention, delta age, subscription expiry, failures, held users, a pause, a failed sweep."""
    alerts = {one.name for one in resources(ROOT, "Microsoft.Insights/scheduledQueryRules")}
    assert alerts == {
        "acp-poison-messages",
        "acp-needs-attention",
        "acp-delta-age",
        "acp-subscription-expiry",
        "acp-failure-share",
        "acp-held-users",
        "acp-paused",
        "acp-failed-sweep",
    }


def test_whatever_failed_repeatedly_raises_the_alert() -> None:
    """Each line that the removal of a message leaves behind is one that the alert counts."""
    text = (QUERIES / "poison_messages.kql").read_text(encoding="utf-8")
    removed = (
        Poison,
        PoisonUnreadable,
        PoisonRecorded,
        RunInterrupted,
        UpkeepFailed,
        RenewalFailed,
    )
    for event in removed:
        assert f'startswith_cs "{event.event} "' in text


def test_fields_of_a_real_line_are_found_by_the_query() -> None:
    """A line as the app writes it has each field that the query parses from it."""
    handled = Handled(
        cause="sweep",
        run=None,
        users=20,
        moved=3,
        bridge_changed=0,
        would_move=0,
        would_change_bridge=0,
        waiting=1,
        failed=2,
        throttled=0,
        duration_ms=5,
        duplicates=None,
    )
    event, fields = parsed(line(handled))
    text = (QUERIES / "moved_by_cause.kql").read_text(encoding="utf-8")
    assert f'"{event} "' in text
    for name in re.findall(r"(\w+): (?:string|long)", text):
        assert fields[name]
