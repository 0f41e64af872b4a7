"""Microsoft's Kusto parser accepts every query, and each answer has the columns that alert and chart use.

`infra/kusto/analyze.cjs` runs the parser on the Node of the virtual environment. What it cannot know is
checked here: that the app logs the events and fields of a query (`shared/telemetry/events.py`), and that
workbook and alerts ask by the files of `infra/queries` alone. Sources: "AppTraces", Azure Monitor Logs
table reference; "parse-kv operator", Kusto Query Language documentation.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.checks.predicted import resources
from infra.checks.problem import Problem, in_source
from local.azurite.node import NODE
from shared.telemetry.events import catalogue, fields_of

TABLES: Final = {
    "AppTraces": "(TimeGenerated: datetime, Message: string, SeverityLevel: int, OperationId: string)"
}
"""The table that holds an app's log lines, with its columns as far as needed."""

OPTIONS: Final = """with (pair_delimiter=' ', kv_delimiter='=', quote='"', escape='\\\\')"""
"""How a line is taken apart: the other side of `shared.telemetry.log.line`."""

NUMBERS: Final = frozenset({"long", "int", "real", "decimal"})
AXES: Final = {"linechart": {"datetime"}, "barchart": {"datetime", "string"}}
"""What a chart can be drawn along; each also needs a number. A table shows anything."""

_PROGRAM: Final = Path(__file__).parents[1] / "kusto" / "analyze.cjs"
_FENCE: Final = re.compile(r"```kusto\n(.*?)```", re.DOTALL)
_ALERTS: Final = "Microsoft.Insights/scheduledQueryRules"
_WORKBOOKS: Final = "Microsoft.Insights/workbooks"
_QUERY_ITEM: Final = 3  # the type of a workbook's item that is a query


@dataclass(frozen=True)
class Use:
    """An alert that measures a column of a query's answer, or a chart that draws it in a form."""

    name: str
    query: str
    measure: str = ""
    form: str = ""


def check(folder: Path) -> list[Problem]:
    """Check `infra/queries/*.kql` and the queries in `docs`, and who uses them for what."""
    files = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((folder / "infra" / "queries").glob("*.kql"))
    }
    texts = files | dict(_in_docs(folder))
    try:
        answers = analyzed(texts)
    except subprocess.CalledProcessError:
        return [Problem("infra/kusto", "the Kusto parser does not run", "Run make install")]
    used = uses(folder)
    names = {text: name for name, text in files.items()}
    return [
        *(problem for name in texts for problem in _language(name, texts[name], answers[name])),
        *(problem for use in used for problem in _use(folder, use, names, answers)),
        *(
            Problem(name, "neither workbook nor alerts use it", "Use or remove it")
            for name, text in files.items()
            if text not in {use.query for use in used}
        ),
    ]


def uses(folder: Path) -> set[Use]:
    """What the alerts and the workbooks of the predicted deployments ask."""
    alerts = {
        Use(one.name, criterion["query"], measure=criterion["metricMeasureColumn"])
        for one in resources(folder, _ALERTS)
        for criterion in one.at("criteria", "allOf")
    }
    charts = {
        Use(item["name"], item["content"]["query"], form=item["content"]["visualization"])
        for one in resources(folder, _WORKBOOKS)
        for item in one.at("serializedData", "items")
        if item["type"] == _QUERY_ITEM
    }
    return alerts | charts


def analyzed(texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the parser says of each query (infra/kusto/analyze.cjs). CalledProcessError: it does not run."""
    asked = json.dumps({"tables": TABLES, "queries": texts})
    done = subprocess.run(
        [NODE, _PROGRAM], input=asked, stdout=subprocess.PIPE, text=True, check=True
    )
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answers


def _in_docs(folder: Path) -> Iterator[tuple[str, str]]:
    """The queries of the pages; each begins with as many empty lines as stand before it there."""
    for path in sorted((folder / "docs").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        for found in _FENCE.finditer(page):
            before = "\n" * page.count("\n", 0, found.start(1))
            yield path.relative_to(folder).as_posix(), before + found[1]


def _language(name: str, text: str, answer: dict[str, Any]) -> Iterator[Problem]:
    """What the parser found, and what the code does not log."""
    for at, wrong, do in (
        *((one["start"], *_diagnostic(one)) for one in answer["diagnostics"]),
        *((one["start"], *fault) for one in answer["sources"] for fault in _events(one, name)),
        *((one["start"], *fault) for one in answer["parses"] for fault in _fields(one)),
    ):
        yield Problem(name, wrong, do, text.count("\n", 0, at) + 1)


def _diagnostic(found: dict[str, Any]) -> tuple[str, str]:
    return f"at {found['text']!r}: {found['message'].rstrip('.')}", "Fix the query"


def _events(source: dict[str, Any], name: str) -> Iterator[tuple[str, str]]:
    if not source["events"] and name.endswith(".kql"):
        yield "asks for no event", 'Add: Message startswith_cs "EVENT "'
    for event in source["events"]:
        if event.strip() not in catalogue():
            yield f"no code logs the event {event!r}", "docs/telemetry.md has the events"


def _fields(parse: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if parse["options"] != OPTIONS:
        yield "cannot read lines so", f"Use {OPTIONS}"
    for event in {one.strip() for one in parse["events"]} & catalogue().keys():
        logged = fields_of(catalogue()[event])
        for name, kind in parse["fields"].items():
            if name not in logged:
                wrong = f"the event {event!r} never has the field {name!r}"
                yield wrong, f"It has {', '.join(logged)}"
            elif logged[name] != kind:
                yield f"field {name!r} is a {logged[name]}, not a {kind}", "Fix its type"


def _use(
    folder: Path, use: Use, names: dict[str, str], answers: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    """Each asks by one of the files, measures a number of its answer, and draws what can be drawn."""
    if use.query not in names:
        wrong = f"{use.name} has a query of its own, or an old one"
        do = "Load a file of infra/queries; run make plan"
        yield in_source(folder, wrong, do, f"'{use.name}'")
        return
    query = names[use.query]
    columns = answers[query]["columns"]
    kinds, has = set(columns.values()), ", ".join(f"{name} ({columns[name]})" for name in columns)
    if use.measure and columns.get(use.measure) not in NUMBERS:
        wrong = f"{use.name} measures {use.measure}, no number in the answer of {query}"
        yield in_source(folder, wrong, f"It has {has}", f"'{use.measure}'", f"'{use.name}'")
    if use.form in AXES and not (kinds & NUMBERS and kinds & AXES[use.form]):
        do = f"Give it a number, and {' or '.join(sorted(AXES[use.form]))}"
        yield Problem(query, f"it gives {has}: no {use.form} can show that", do)
