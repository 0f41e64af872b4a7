"""The queries ask only for what the app logs; each of these mistakes makes the check say so."""

import json
import re
import shutil
from pathlib import Path

import pytest

from infra import workbook
from infra.checks import kql
from shared.telemetry.events import Handled
from shared.telemetry.log import line
from tests.loglines import parsed

ROOT = Path(__file__).parents[3]
QUERIES = ROOT / "infra" / "queries"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of infra/, to make mistakes in."""
    shutil.copytree(ROOT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("*.py"))
    return tmp_path


def spoil(folder: Path, file: str, old: str, new: str) -> list[str]:
    """What the check says after `old` became `new` in a file of infra/."""
    path = folder / "infra" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    workbook_file = folder / "infra" / "workbook.json"
    if file.startswith("queries/"):
        workbook_file.write_text(workbook.build(folder / "infra"), encoding="utf-8")
    return [str(problem) for problem in kql.check(folder)]


def test_the_queries_are_right() -> None:
    """Every query of the repository asks for events and fields that the code logs."""
    assert kql.check(ROOT) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("queries/moved_by_cause.kql", "moved: long", "shifted: long", "never has the field 'shifted'"),
        ("queries/moved_by_cause.kql", "moved: long", "moved: string", "field 'moved' is a long"),
        ("queries/delta_age.kql", '"measured "', '"meassured "', "no code logs the event 'meassured'"),
        ("queries/held_sweep.kql", "AppTraces", "AppLogs", "there is no table AppLogs"),
        ("queries/held_sweep.kql", '| where Message startswith_cs "sweep_ended "\n', "", "asks for no event"),
        ("queries/failure_share.kql", "sum(failed)", "sum(faild)", "faild is nothing known here"),
        ("queries/failure_share.kql", "escape='\\\\'", "escape='^'", "cannot read lines so"),
        ("queries/throttling.kql", '"caught_up "', '"rechecked "', "'rechecked' never has the"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_query_is_named(
    folder: Path, file: str, old: str, new: str, said: str
) -> None:
    """A field that is never logged, an unknown event, table, name or option: file and name are said."""
    problems = spoil(folder, file, old, new)
    assert [
        problem for problem in problems if problem.startswith(f"infra/{file}:") and said in problem
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "loadTextContent('../queries/held_sweep.kql')",
            "'AppTraces | where Message == 1'",
            "has a query of its own",
        ),
        ("held_sweep.kql", "lost_sweep.kql", "loads lost_sweep.kql, which is no file"),
        ("measure: 'hours_left'", "measure: 'days_left'", "measures days_left"),
    ],
)
def test_a_mistake_in_the_alerts_is_named(folder: Path, old: str, new: str, said: str) -> None:
    """An alert with a query of its own, without a query, or measuring what its query does not make."""
    problems = spoil(folder, "app/alerts.bicep", old, new)
    assert [
        problem for problem in problems if "infra/app/alerts.bicep" in problem and said in problem
    ]


def test_a_query_that_nobody_uses_is_named(folder: Path) -> None:
    """What neither workbook nor alerts use would rot."""
    shutil.copy(QUERIES / "throttling.kql", folder / "infra" / "queries" / "spare.kql")
    (problem,) = kql.check(folder)
    assert problem.file == "infra/queries/spare.kql"


def test_a_workbook_that_was_edited_by_hand_is_named(folder: Path) -> None:
    """The workbook's queries are those of the files, and nothing else."""
    problems = spoil(folder, "workbook.json", "sum(moved)", "max(moved)")
    assert problems == [
        "infra/workbook.json: is not what the queries make it. Run python -m infra.workbook."
    ]


def test_the_workbook_shows_what_was_asked_for() -> None:
    """Each chart is one query over the chosen time range, on the workspace that the deployment names."""
    book = json.loads((ROOT / "infra" / "workbook.json").read_text(encoding="utf-8"))
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
        assert chart["crossComponentResources"] == [workbook.WORKSPACE]
    bicep = (ROOT / "infra" / "app" / "workbook.bicep").read_text(encoding="utf-8")
    assert f"'{workbook.WORKSPACE}', logAnalyticsId" in bicep


def test_there_is_an_alert_for_each_danger() -> None:
    """Poison, needs attention, delta age, subscription expiry, failure share, a held sweep."""
    bicep = (ROOT / "infra" / "app" / "alerts.bicep").read_text(encoding="utf-8")
    assert set(re.findall(r"queries/(\w+)\.kql", bicep)) == {
        "poison_messages",
        "needs_attention",
        "delta_age",
        "subscription_expiry",
        "failure_share",
        "held_sweep",
    }


def test_fields_of_a_real_line_are_found_by_the_query() -> None:
    """A line as the app writes it has each field that the query parses from it."""
    handled = Handled(
        cause="sweep",
        run=None,
        users=20,
        moved=3,
        would_move=0,
        waiting=1,
        failed=2,
        throttled=0,
        duration_ms=5,
    )
    event, fields = parsed(line(handled))
    text = (QUERIES / "moved_by_cause.kql").read_text(encoding="utf-8")
    assert f'"{event} "' in text
    for name in re.findall(r"(\w+): (?:string|long)", text):
        assert fields[name]
