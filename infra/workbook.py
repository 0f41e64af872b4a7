"""Writes `infra/workbook.json` from the queries of `infra/queries` (`python -m infra.workbook`).

The form is that of the "Advanced editor" of Azure workbooks: a notebook of items, of which type 1 is
text, 3 a query and 9 the parameters. The deployment puts the workspace's id in place of its name.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

INFRA: Final = Path(__file__).parent
WORKSPACE: Final = "LOG_ANALYTICS_ID"
"""What `app/workbook.bicep` replaces."""

_KIND: Final = "microsoft.operationalinsights/workspaces"
_DAYS: Final = (1, 7, 30, 90)
_DAY_MS: Final = 86_400_000
_INTRODUCTION: Final = (
    "## ACP Mover\n\nFrom the app's own log lines; docs/telemetry.md explains them."
)


@dataclass(frozen=True, slots=True)
class Chart:
    """A query's file name without suffix, the title over it, and how it is drawn."""

    query: str
    title: str
    drawn_as: str


CHARTS: Final = (
    Chart("ready_to_move", "Ready to move", "linechart"),
    Chart("moved_by_cause", "Moved by cause and day", "barchart"),
    Chart("failures_by_reason", "Failures by reason", "table"),
    Chart("waiting_by_age", "Waiting by age", "linechart"),
    Chart("throttling", "Throttled answers", "barchart"),
    Chart("subscription_expiry", "Hours that the change subscription lives", "linechart"),
    Chart("delta_age", "Minutes since the changes were read", "linechart"),
    Chart("notification_lag", "Seconds to the notification and to the move", "linechart"),
)


def build(infra: Path = INFRA) -> str:
    """Return the workbook's text, with the queries as they are in `infra`/queries."""
    items = [_text(_INTRODUCTION), _time_range(), *(_chart(chart, infra) for chart in CHARTS)]
    notebook = {
        "version": "Notebook/1.0",
        "items": items,
        "fallbackResourceIds": [WORKSPACE],
        "$schema": (
            "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"
        ),
    }
    return json.dumps(notebook, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file; returns 0."""
    (INFRA / "workbook.json").write_text(build(), encoding="utf-8")
    return 0


def _text(text: str) -> dict[str, Any]:
    return {"type": 1, "content": {"json": text}, "name": "introduction"}


def _time_range() -> dict[str, Any]:
    choices = [{"durationMs": days * _DAY_MS} for days in _DAYS]
    parameter = {
        "id": "5b0c7a0e-6a0f-4a9c-9a37-3f1d4c0e8b21",
        "version": "KqlParameterItem/1.0",
        "name": "TimeRange",
        "label": "Time range",
        "type": 4,
        "isRequired": True,
        "typeSettings": {"selectableValues": choices, "allowCustom": True},
        "value": choices[1],
    }
    content = {
        "version": "KqlParameterItem/1.0",
        "parameters": [parameter],
        "style": "pills",
        "queryType": 0,
        "resourceType": _KIND,
    }
    return {"type": 9, "content": content, "name": "time range"}


def _chart(chart: Chart, infra: Path) -> dict[str, Any]:
    content = {
        "version": "KqlItem/1.0",
        "query": (infra / "queries" / f"{chart.query}.kql").read_text(encoding="utf-8"),
        "size": 0,
        "title": chart.title,
        "timeContextFromParameter": "TimeRange",
        "queryType": 0,
        "resourceType": _KIND,
        "crossComponentResources": [WORKSPACE],
        "visualization": chart.drawn_as,
    }
    return {"type": 3, "content": content, "customWidth": "50", "name": chart.query}


if __name__ == "__main__":
    sys.exit(main())
