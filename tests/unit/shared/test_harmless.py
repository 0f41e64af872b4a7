"""Foreign text is harmless at every exit: terminal, stderr, log, CSV, JSON, HTML, problem details."""

import io
import json
import logging
import unicodedata
from datetime import UTC, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.main import run
from cli.output import HarmlessFormatter, Output, show, tell
from cli.report import page, side_effects
from functions.http.responses import PointedError, Reply, as_csv, problem, rendered
from shared.domain.listing import TenantSwitches
from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import RosterEntry
from shared.domain.run import Run, RunState, Signal
from shared.domain.user import ProviderEntry
from shared.errors import InputError, RejectedError, StorageError
from shared.services.admin.number_changes import NumberChange
from shared.services.admin.result_details import ResultDetail
from shared.telemetry.events import Poison, Unexpected
from shared.telemetry.log import EventLog, line
from shared.text import harmless, harmless_json
from shared.views.runs import DetailView
from shared.views.users import ProviderView
from shared.workbook import Workbook

NOW = datetime(2026, 11, 29, tzinfo=UTC)
HOSTILE = {
    "color": "\x1b[31mBT",
    "title": "\x1b]0;owned\x07BT",
    "link": "\x1b]8;;https://evil.example\x1b\\BT\x1b]8;;\x1b\\",
    "C1 CSI": "\x9b2JBT",
    "C1 OSC": "\x9d0;owned\x9cBT",
    "line": "BT\r\nerror: everybody was moved",
    "carriage return": "BT\rmoved",
    "backspace": "BT\b\bPG",
    "next line": "BT\x85moved",
    "line separator": "BT\u2028moved",
    "override": "\u202egnp.TB\u202c",
    "isolate": "\u2066\u2067BT\u2069",
    "Arabic letter mark": "BT\u061c",
    "zero width": "B\u200bT\u200c\u200d\u2060\ufeff",
    "soft hyphen": "B\u00adT",
    "filler": "BT\u3164\u115f\uffa0\u2800",
    "tag": "BT\U000e0041",
    "variation": "BT\ufe0f\U000e0100",
    "lone surrogate": "BT\ud800",
    "delete": "BT\x7f",
    "tab": "BT\tmoved",
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def clean(text: str) -> bool:
    """Whether nothing is in a text that steers or is invisible, by Unicode's own categories."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return not any(unicodedata.category(letter) in bad for letter in text.replace("\n", ""))


@given(st.text(alphabet=st.characters()))
def test_any_text_becomes_harmless_and_stays_so(text: str) -> None:
    """Nothing of the categories control, format, surrogate or separator of lines is left; once is enough."""
    assert clean(harmless(text).replace("\n", "\r"))
    assert "\n" not in harmless(text)
    assert harmless(harmless(text)) == harmless(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_keeps_the_value(text: str) -> None:
    """JSON is harmless and still says what it said."""
    shown = harmless_json(json.dumps({"name": text}, ensure_ascii=False))
    assert clean(shown)
    assert json.loads(shown) == {"name": text}


@hostile
@pytest.mark.parametrize("output", [Output.TABLE, Output.CSV, Output.JSON])
def test_the_terminal(text: str, output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, numbers, addresses and reasons in a table, in CSV and in JSON: one line each, harmless."""
    show([{"user": text, "reason": text}], ("user", "reason"), output)
    shown = capsys.readouterr().out
    assert clean(shown)
    assert len(shown.splitlines()) == {Output.TABLE: 2, Output.CSV: 2, Output.JSON: 3}[output]


@hostile
def test_a_workbook(text: str) -> None:
    """A cell of XLSX is harmless, too."""
    file = io.BytesIO()
    with Workbook(file) as book:
        book.begin("List", ("user",))
        book.add("List", {"user": text})
    assert clean(str(openpyxl.load_workbook(file)["List"]["A2"].value))


@hostile
def test_standard_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a command says, and the error that ends it."""
    tell(f"provider {text}")
    assert run(["show", text]) == 2
    assert clean(capsys.readouterr().err)


@hostile
def test_log_lines_of_libraries(text: str) -> None:
    """A library's own line on standard error, with its traceback."""
    error = ValueError(text)
    record = logging.LogRecord("x", 40, "x", 1, text, None, (ValueError, error, None))
    assert clean(HarmlessFormatter(logging.Formatter()).format(record))


@hostile
def test_the_log(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """An event is one line; under it stands a traceback whose error text is harmless, too."""
    assert clean(line(Poison(reason=text, message=text)))
    assert "\n" not in line(Poison(reason=text, message=text))
    log = EventLog("acp.test")
    log.write(Unexpected(user=log.who("x"), error="ValueError"), ValueError(text))
    (record,) = caplog.records
    formatted = logging.Formatter("%(message)s").format(record)
    assert "Error" in formatted
    assert clean(formatted)


@hostile
def test_the_html_report(text: str) -> None:
    """Names, providers, numbers and reasons on the page."""
    entry = ProviderEntry(text, text, text, text, "1", text, default=True)
    result = UserResult("1", Outcome.FAILED, text, text)
    run = Run("r", Signal.SWEEP, RunState.FAILED, NOW, reason=text, counts={text: 1}, ticket=text)
    seen = RosterEntry("1", None, text, NOW, text, text, text, text, text)
    row = DetailView.of(run, ResultDetail(NumberChange(result, entry, entry), seen)).model_dump()
    made = page(run, [row], side_effects(TenantSwitches(True, True, True)), NOW)
    made = made.replace("\n", "")
    assert clean(made)
    assert harmless("\x1b") in made or "\x1b" not in text


@hostile
def test_errors_of_services(text: str) -> None:
    """A service's own words and code are harmless wherever the error goes: log, table, answer."""
    error = RejectedError("Graph", "GET /users", text, text, 400)
    assert clean(str(error).replace("\n", "\r") + error.detail + error.code)


@hostile
def test_problem_details(text: str) -> None:
    """The details and pointers that a program shows to its user."""
    errors = [InputError(text), StorageError(text, text), PointedError([(text, text)])]
    for error in errors:
        said = json.loads(problem(error).get_body())
        faults = said.get("errors", [{}])[0].values()
        assert all(clean(each.replace("\n", "\r")) for each in (said["detail"], *faults))


@hostile
def test_answers_of_the_app(text: str) -> None:
    """JSON keeps a name exactly, and is harmless to whoever prints it; CSV is one line per row."""
    text = text.replace("\ud800", "")  # it cannot come in as UTF-8, and pydantic writes none
    body = rendered(Reply(ProviderView(name=text))).get_body().decode()
    assert clean(body)
    assert json.loads(body)["name"] == text
    assert clean(as_csv([{"name": text}], ["name"]).replace("\r\n", ""))
