"""Generate the tables of README and of the pages in `TABLES` (`make docs`).

Each file has handwritten prose and one table between two marks; only the table is replaced.
A test compares the files with what this module would write.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from benchmarks import cost
from cli.grant.wire import GRANT_CALLS
from docs import storage_map
from functions.http.routes import ROUTES
from infra import predictions
from shared.clients.wire import CALLS, Call
from shared.domain.stored import STORED
from shared.settings.queues import Queues
from shared.settings.settings import Settings
from shared.telemetry.events import FIELDS, Event, catalogue

ROOT = Path(__file__).parents[1]
COMMANDS = (
    "move",
    "retry",
    "ready",
    "providers",
    "show",
    "saved",
    "runs",
    "run",
    "release",
    "discard",
    "cancel",
    "forget",
    "held",
    "pause",
    "status",
    "attention",
    "waiting",
    "doctor",
    "console",
    "probe",
    "grant",
    "demo",
)
_NEXT = "-- next --"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def settings_table() -> str:
    """Return the table of app settings."""
    rows = [
        "| setting | default | meaning |",
        "|---|---|---|",
        *(
            f"| `{field.alias}` | {_default(field)} | {_meaning(field)} |"
            for field in Settings.model_fields.values()
        ),
    ]
    return "\n".join(rows)


def wire_table() -> str:
    """Return the tables of HTTP calls: those of the app, and those of `acp grant`."""
    rows = [
        *_calls(CALLS),
        "",
        "An administrator makes these with `acp grant`; the app itself never does (`cli/grant/wire.py`):",
        "",
        *_calls(GRANT_CALLS),
    ]
    return "\n".join(rows)


def _calls(calls: Iterable[Call]) -> list[str]:
    return [
        "| call | use | sure |",
        "|---|---|---|",
        *(f"| `{call.method} {call.template}` | {call.use} | {call.sure} |" for call in calls),
    ]


def events_table() -> str:
    """Return the tables of log events and of their fields."""
    rows = [
        "| event | level | what happened | fields besides `operation` |",
        "|---|---|---|---|",
        *(f"| `{name}` | {_event(kind)} |" for name, kind in catalogue().items()),
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()),
    ]
    return "\n".join(rows)


def commands() -> str:
    """Return the --help text of each command, as on a terminal of 100 columns."""
    program = "import sys; sys.argv[0] = 'acp'; from cli.main import run\n"
    program += f"for name in sys.argv[1:]: print({_NEXT!r}); run([name, '--help'])"
    shown = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", program, *COMMANDS],
        check=True,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"},
    ).stdout
    helps = ["\n".join(map(str.rstrip, text.strip().splitlines())) for text in shown.split(_NEXT)]
    return "\n\n".join(
        f"## acp {name}\n\n```\n{text}\n```" for name, text in zip(COMMANDS, helps[1:], strict=True)
    )


def routes_table() -> str:
    """Return the table of the HTTP API's calls."""
    rows = ["| call | what it does | app role | answers |", "|---|---|---|---|"]
    for route in ROUTES:
        details = f": {route.details}" if route.details else ""
        statuses = ", ".join(map(str, (route.status, *route.problems)))
        rows.append(
            f"| `{route.method} /api/{route.path}` | {route.summary}{details} | `{route.role}` | {statuses} |"
        )
    return "\n".join(rows)


def functions_table() -> str:
    """Return the table of the HTTP API's functions."""
    rows = [
        "| function | call | what it does |",
        "|---|---|---|",
        *(
            f"| `{route.name}` | `{route.method} /api/{route.path}` | {route.summary} |"
            for route in ROUTES
        ),
    ]
    return "\n".join(rows)


def stored_table() -> str:
    """Return the table of what is stored, for how long, and where a person is found in it."""
    rows = [
        "| table | personal data | until | `acp forget` finds a person in |",
        "|---|---|---|---|",
        *(
            f"| `{table.name}` | {table.holds} | {table.until} | {table.person or 'no row'} |"
            for table in STORED
        ),
    ]
    return "\n".join(rows)


def storage_table() -> str:
    """Return the tables of what is stored where: keys, and who writes and reads."""
    users = storage_map.tables()
    rows = ["| table | partition | row | what it is |", "|---|---|---|---|"]
    for table in STORED:
        for number, kind in enumerate(table.rows):
            name = f"`{table.name}`" if number == 0 else ""
            partition, row = (_code(text) for text in (kind.partition, kind.row))
            rows.append(f"| {name} | {partition} | {row} | {kind.what} |")
    rows += ["", "| table | written by | read by | cleaned |", "|---|---|---|---|"]
    for table in STORED:
        its = users[table.name]
        cleaned = f"{'janitor: ' if table.janitor else ''}{table.until}"
        rows.append(f"| `{table.name}` | {_list(its.writers)} | {_list(its.readers)} | {cleaned} |")
    rows += [
        "",
        "| queue | messages are sent by | taken by | poison is read by |",
        "|---|---|---|---|",
    ]
    for name, queue in storage_map.queues().items():
        senders = _list(queue.senders) or "Event Grid"
        full = Queues.named("moves", events=True)
        called = getattr(full, name).name
        rows.append(f"| `{called}` | {senders} | {_list(queue.takers)} | {_list(queue.poison)} |")
    return "\n".join(rows)


def _code(key: str) -> str:
    return f"`{key.replace('|', chr(92) + '|')}`"


def _list(modules: Iterable[str]) -> str:
    return ", ".join(f"`{module}`" for module in sorted(modules))


TABLES = {
    "README.md": functions_table,
    "docs/api.md": routes_table,
    "docs/settings.md": settings_table,
    "docs/wire.md": wire_table,
    "docs/telemetry.md": events_table,
    "docs/cli.md": commands,
    "docs/cost.md": cost.table,
    "docs/deploy.md": predictions.table,
    "docs/security.md": stored_table,
    "docs/storage.md": storage_table,
}


def updated(name: str) -> str:
    """Return what the file `name` should hold."""
    text = (ROOT / name).read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{TABLES[name]()}\n{END}{after}"


def main() -> int:
    """Write every file; returns 0."""
    for name in TABLES:
        (ROOT / name).write_text(updated(name), encoding="utf-8")
    return 0


def _event(kind: type[Event]) -> str:
    level = logging.getLevelName(kind.level).lower()
    fields = ", ".join(f"`{name}`" for name in kind.declared)
    return f"{level} | {kind.__doc__} | {fields}"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "" if field.default_factory else "**required**"
    match field.default:
        case None | "":
            return ""
        case frozenset():
            return ",".join(sorted(field.default))
        case bool():
            return f"`{str(field.default).lower()}`"
        case _:
            return f"`{field.default}`"


def _meaning(field: FieldInfo) -> str:
    example = f" Example: `{field.examples[0]}`" if field.examples else ""
    return f"{field.description}{example}"


if __name__ == "__main__":
    sys.exit(main())
