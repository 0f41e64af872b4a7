"""Every query asks only for what the app logs, and workbook and alerts ask only by these queries.

No Kusto is run: a query is cut into words, and each word has to be known - as a column of the table, a
field that the parsed event really has (`shared/telemetry/events.py`), a name that the query makes, or a
word of the language. Sources: "AppTraces", Azure Monitor Logs table reference; "parse-kv operator",
Kusto Query Language documentation.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.checks.problem import Problem
from infra.workbook import build
from shared.telemetry.events import catalogue, fields_of

COLUMNS: Final = frozenset({"TimeGenerated", "Message", "SeverityLevel", "OperationId"})
"""Columns of AppTraces, the table of a workspace that holds an app's log lines, as far as needed."""

OPTIONS: Final = """(pair_delimiter=' ', kv_delimiter='=', quote='"', escape='\\\\')"""
"""How a line is taken apart: the other side of `shared.telemetry.log.line`."""

_WORDS: Final = (
    "and asc by desc inner join kind leftouter let long on or order project string summarize top"
    " union where with extend parse real startswith_cs ago arg_max bin coalesce count dcount extract"
    " iff in isempty isnull make_set max maxif min minif not now percentile sum sumif pair_delimiter"
    " kv_delimiter quote escape as kv"
)
"""Words of the language and its functions that the queries may use."""

_TOKEN: Final = re.compile(
    r"""(?P<comment>//[^\n]*)|(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<number>\d+(?:\.\d+)?[a-z]*)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[^\s\w])"""
)
_EVENT: Final = re.compile(r'Message startswith_cs "([^"]*)"')
_PARSE: Final = re.compile(r"parse-kv Message as \(([^)]*)\) with (\([^)]*\))")
_FIELD: Final = re.compile(r"(\w+): (\w+)")
_MADE: Final = re.compile(r"(?<![=!<>])\b(\w+)\s*=(?![=~>])")


@dataclass(frozen=True)
class _Query:
    name: str
    text: str

    def problem(self, at: int, wrong: str, do: str) -> Problem:
        return Problem(self.name, wrong, do, self.text.count("\n", 0, at) + 1)


def check(folder: Path) -> list[Problem]:
    """Check `infra/queries/*.kql` of the folder, and who uses them."""
    paths = sorted((folder / "infra" / "queries").glob("*.kql"))
    if not paths:
        return [Problem("infra/queries", "there are no queries", "Write them")]
    problems = []
    for path in paths:
        query = _Query(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8"))
        problems += [*_events(query), *_words(query)]
    return [*problems, *_use(folder, paths)]


def _events(query: _Query) -> Iterator[Problem]:
    """Each table is AppTraces, narrowed to known events, and each parsed field is one of theirs."""
    starts = [found.start() for found in re.finditer(r"\bApp[A-Z]\w*", query.text)]
    for start, end in zip(starts, [*starts[1:], len(query.text)], strict=True):
        part = query.text[start:end]
        table = re.match(r"\w+", part)
        if table and table[0] != "AppTraces":
            yield query.problem(
                start, f"there is no table {table[0]}", "The lines are in AppTraces"
            )
        events = [found[1].removesuffix(" ") for found in _EVENT.finditer(part)]
        if not events:
            yield query.problem(start, "asks for no event", 'Add: Message startswith_cs "EVENT "')
        for event in events:
            if event not in catalogue():
                do = "shared/telemetry/events.py has the events"
                yield query.problem(start, f"no code logs the event {event!r}", do)
        for parse in _PARSE.finditer(part):
            if parse[2] != OPTIONS:
                yield query.problem(start + parse.start(), "cannot read lines so", f"Use {OPTIONS}")
            for name, kind in _FIELD.findall(parse[1]):
                yield from _field(query, start + parse.start(), events, name, kind)


def _field(query: _Query, at: int, events: list[str], name: str, kind: str) -> Iterator[Problem]:
    for event in events:
        logged = fields_of(catalogue()[event]) if event in catalogue() else {name: kind}
        if name not in logged:
            do = f"It has {', '.join(logged)}"
            yield query.problem(at, f"the event {event!r} never has the field {name!r}", do)
        elif logged[name] != kind:
            yield query.problem(at, f"field {name!r} is a {logged[name]}", "Mend its type")


def _words(query: _Query) -> Iterator[Problem]:
    """Every word is a column, a parsed field, a name that the query makes, or of the language."""
    tokens = [found for found in _TOKEN.finditer(query.text) if found.lastgroup != "comment"]
    code = " ".join("''" if found.lastgroup == "text" else found[0] for found in tokens)
    made = set(_MADE.findall(code.replace(" = =", " ==")))
    parsed = {name for found in _PARSE.finditer(query.text) for name, _ in _FIELD.findall(found[1])}
    known = COLUMNS | set(_WORDS.split()) | made | parsed | {"AppTraces"}
    for found in tokens:
        if found.lastgroup == "word" and found[0] not in known:
            do = "Mend the name, or parse or make it first"
            if not re.fullmatch(r"App[A-Z]\w*", found[0]):
                yield query.problem(found.start(), f"{found[0]} is nothing known here", do)


def _use(folder: Path, paths: list[Path]) -> Iterator[Problem]:
    """Workbook and alerts hold these queries and no other; each query is used by one of them."""
    infra = folder / "infra"
    book = infra / "workbook.json"
    try:
        fresh = build(infra)
    except FileNotFoundError as error:
        yield Problem("infra/workbook.py", f"asks for {error.filename}", "Write that query")
        return
    if not book.is_file() or book.read_text(encoding="utf-8") != fresh:
        do = "Run python -m infra.workbook"
        yield Problem("infra/workbook.json", "is not what the queries make it", do)
    alerts = infra / "app" / "alerts.bicep"
    text = alerts.read_text(encoding="utf-8") if alerts.is_file() else ""
    for found in re.finditer(r"\bquery:\s*(.*)", text):
        if not re.match(r"loadTextContent\('\.\./queries/\w+\.kql'\)$|rule\.query$", found[1]):
            line = text.count("\n", 0, found.start()) + 1
            do = "Put it into infra/queries and load it"
            yield Problem("infra/app/alerts.bicep", "has a query of its own", do, line)
    loaded = set(re.findall(r"loadTextContent\('\.\./queries/(\w+)\.kql'\)", text))
    drawn = set(re.findall(r'"name": "(\w+)"', fresh))
    for path in paths:
        if path.stem not in loaded | drawn:
            name = path.relative_to(folder).as_posix()
            yield Problem(name, "neither workbook nor alerts use it", "Use or remove it")
    for name in sorted(loaded - {path.stem for path in paths}):
        yield Problem("infra/app/alerts.bicep", f"loads {name}.kql, which is no file", "Write it")
    yield from _measures(text, infra)


def _measures(alerts: str, infra: Path) -> Iterator[Problem]:
    """The column that a rule measures is one that its query makes."""
    rules = re.findall(r"queries/(\w+)\.kql'\)\s+aggregation: '\w+'\s+measure: '(\w+)'", alerts)
    for name, measure in rules:
        path = infra / "queries" / f"{name}.kql"
        if path.is_file() and not re.search(rf"\b{measure} = ", path.read_text(encoding="utf-8")):
            wrong = f"measures {measure}, which {name}.kql does not make"
            yield Problem("infra/app/alerts.bicep", wrong, "Mend the name")
