"""The command line's client of a deployed app, against an app that answers anything."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from cli.app_api import AppApi, KeyRefusedError
from cli.errors import CommandError
from cli.grant.after import settle
from cli.main import run
from cli.move.app import RemoteApp
from cli.results import COLUMNS
from shared.views.runs import DetailView

KEY = "the-key"
SIGN_IN = "/.auth/login/aad?post_login_redirect_uri=/api/console"
ODD = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{}",
    b"<html>",
    b'{"id": 7}',
    b'{"id": null, "state": [], "counts": "x", "results": {}, "findings": 1}',
    b'{"id": "r", "state": "running", "counts": null}',
    b'{"id": "r", "state": "finished", "counts": {"moved": "many"}}',
    b'{"id": "other", "state": "finished", "counts": {}}',
    b'{"results": [null], "findings": [null]}',
    b'{"results": [], "next": {"a": 1}}',
    b'{"findings": [{"part": 1}]}',
    b'{"id": ' + b"9" * 5_000 + b"}",
    b"[" * 100_000,
    b'{"errors": [null, {"pointer": 1}], "detail": {"a": 1}}',
    b'{"detail": "\\u001b[31m\\r\\nred"}',
)


@pytest.fixture(autouse=True)
def no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app speaks plain HTTP: an empty folder instead of a wait for certificates."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@contextmanager
def app(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """An app; `answer` gets the path. Yields its address and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == HTTPStatus.SEE_OTHER:
                self.send_header("Location", SIGN_IN)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class names it so

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def look(api: RemoteApp) -> list[Callable[[], object]]:
    """All that the command line asks an app for."""
    return [
        lambda: api.begin({}),
        lambda: api.follow("r"),
        lambda: list(api.results("r")),
        lambda: api.details("r"),
        lambda: api.view("r"),
        lambda: settle(api, 0, sleep=lambda _: None),
    ]


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.large)])
def test_answers_that_cannot_be_read_end_in_one_line(
    every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any body, with good and bad statuses: a result, or one printable line; never a traceback.

    every: each body comes with one in so many of the bad statuses, beginning with another one.
    """
    monkeypatch.setenv("ACP_APP_KEY", KEY)
    tried = 0
    now = (200, b"")
    with app(lambda _: now) as (url, _), RemoteApp(url) as api:
        for at, body in enumerate(ODD):
            for status in (200, *(302, 404, 500)[at % every :: every]):
                now = (status, body)
                for work in look(api):
                    tried += 1
                    try:
                        work()
                    except CommandError as error:
                        told = str(error)
                    else:
                        continue
                    assert told.isprintable()
                    assert len(told) < 3_000
    assert tried == len(ODD) * (1 + 3 // every) * 6


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/runs/r/results?after=1",
        "//evil.example/api/runs/r/results",
        "http://127.0.0.1:1/api/x",
        "/other/runs/r/results",
        "/api/../other",
        "https://user@evil.example/",
        "http://[",
        "\ud800",
    ],
)
def test_the_key_goes_to_no_other_host(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's `next` that leads anywhere but below the app's own API is refused, in one line."""
    monkeypatch.setenv("ACP_APP_KEY", KEY)
    body = json.dumps({"results": [{"user": "a"}], "next": link}).encode()
    with app(lambda _: (200, body)) as (url, asked), RemoteApp(url) as api:
        with pytest.raises(CommandError, match="another host"):
            list(api.results("r"))
        assert asked == ["/api/runs/r/results"]


def test_results_end() -> None:
    """Pages that lead back, or that have no results, are an error; those of the app are followed."""
    pages: dict[str, dict[str, Any]] = {
        "/api/runs/r/results": {"results": [{"user": "a"}], "next": "/api/runs/r/results?after=1"},
        "/api/runs/r/results?after=1": {"results": [{"user": "b"}]},
    }
    with (
        app(lambda path: (200, json.dumps(pages[path]).encode())) as (url, _),
        RemoteApp(url) as api,
    ):
        assert list(api.results("r")) == [{"user": "a"}, {"user": "b"}]
        pages["/api/runs/r/results?after=1"]["next"] = "/api/runs/r/results"
        with pytest.raises(CommandError, match="do not end"):
            list(api.results("r"))
        pages["/api/runs/r/results?after=1"] = {
            "results": [],
            "next": "/api/runs/r/results?after=2",
        }
        with pytest.raises(CommandError, match="do not end"):
            list(api.results("r"))


def test_a_refused_key_is_told_from_other_refusals() -> None:
    """401 and 403 say what opens the app, with what the app says cut to one line."""
    body = json.dumps({"detail": "no\n" * 5_000}).encode()
    with app(lambda _: (403, body)) as (url, _), AppApi(url) as api:
        with pytest.raises(KeyRefusedError) as caught:
            api.call("GET", "doctor")
        assert str(caught.value).isprintable()


def test_an_app_without_details_still_tells_the_outcomes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An older one refuses the parameter: the users were moved, so their outcomes are shown all the same."""
    problem = {"detail": "1 field is wrong"}
    plain = {"user": "a@x", "id": "a", "outcome": "moved", "reason": "x", "provider_before": "BT"}

    def answer(path: str) -> tuple[int, bytes]:
        if "details" in path:
            return 400, json.dumps(problem).encode()
        return 200, json.dumps({"results": [plain]}).encode()

    with app(answer) as (url, _), RemoteApp(url) as api:
        (row,) = api.details("r")
    assert set(row) >= set(COLUMNS)
    assert {name: row[name] for name in plain} == plain
    assert (row["run"], row["number_after"]) == ("r", "")
    assert "warning: the results come without names and numbers" in capsys.readouterr().err


def test_a_retry_is_a_call_of_its_own_or_a_move() -> None:
    """A run by its failed users, which the app knows; who needs attention by name."""
    need = {"user": "a@x", "id": "a", "since": "2026-11-23T12:00:00Z", "reason": "x"}
    answers = {
        "/api/attention": {"users": [need]},
        "/api/runs/a%2Fb/retry": {"id": "run-2"},
    }

    def answer(path: str) -> tuple[int, bytes]:
        return 200, json.dumps(answers[path]).encode()

    with app(answer) as (url, asked), RemoteApp(url) as api:
        assert api.in_need() == ["a"]
        assert api.retry("a/b", {"expected": 1}) == "run-2"
        assert asked == list(answers)


ROW = {
    **dict.fromkeys(DetailView.model_fields, ""),
    "run": "r1",
    "user": "a@x.example",
    "id": "a",
    "outcome": "moved",
    "provider_before": "BT",
    "number_before": "0044",
    "number_after": "+4420",
}
RUN = {
    "id": "r1",
    "cause": "request",
    "state": "finished",
    "started_at": "2026-11-23T12:00:00Z",
    "counts": {"users": 1, "moved": 1, "failed": 1},
    "requested_by": "adele",
}


def told_by_app(path: str) -> tuple[int, bytes]:
    """What an app answers that has one run with one user."""
    results = {"results": [ROW]} if "results" in path else RUN
    return 200, json.dumps(results).encode()


def test_a_move_by_the_app_has_a_report_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """HTML and XLSX, from what the app sends: no access to its storage is needed."""
    html, book = tmp_path / "run.html", tmp_path / "run.xlsx"
    named = ("--users", "a@x.example", "--no-send-email", "--where", "app", "--yes")
    with app(told_by_app) as (url, _):
        for file, form in ((html, "json"), (book, "table")):
            words = ["move", *named, "--app", url, "--report", str(file), "--output", form]
            assert run(words) == 0
    out, err = capsys.readouterr()
    assert err.count("report: ") == 2
    assert json.loads(out[: out.index("]") + 1])[0]["outcome"] == "moved"
    page = html.read_text(encoding="utf-8")
    for text in ("ACP Mover: r1", "requested by adele", "a@x.example", "0044", "+4420"):
        assert text in page
    assert "Side effects in this tenant" not in page, "the app does not tell them"
    moved = load_workbook(book)["Moved"]
    assert [cell.value for cell in moved[2]][:3] == [None, "r1", "a@x.example"]


def test_a_run_of_the_app_is_followed_as_one_from_here(capsys: pytest.CaptureFixture[str]) -> None:
    """How many of how many, who waits in the end, and 1 for those who need somebody or were named in vain."""
    waits: dict[str, Any] = {"due": 2, "next_due": "2026-11-23T12:30:00Z", "attention": 0}
    running = {**RUN, "state": "running", "done": 1, "expected": 3, "counts": {"moved": 1}}
    ended: dict[str, Any] = {**RUN, "counts": {"waiting": 2}, "by_name": True}
    cases = [
        ({**ended, "waits": waits}, "waiting", 0),
        ({**ended, "waits": {**waits, "attention": 1}}, "waiting", 1),
        ({**ended, "waits": None}, "unlicensed", 1),
        ({**ended, "by_name": False}, "unlicensed", 0),
        (ended, "failed", 1),
        ({**RUN, "counts": {}}, "unlicensed", 1),
        ({**ended, "state": "cancelled", "done": 3, "expected": 3}, "moved", 1),
    ]
    for last, outcome, status in cases:
        # The first one is the answer to the request; one who cancels does not list everybody at once.
        early = [running, {**last, "done": 2}] if last["state"] == "cancelled" else []
        shown = iter([RUN, *early, last, last])

        def answer(
            path: str, shown: Iterator[object] = shown, outcome: str = outcome
        ) -> tuple[int, bytes]:
            rows = {"results": [{**ROW, "outcome": outcome}]}
            return 200, json.dumps(rows if "results" in path else next(shown)).encode()

        with app(answer) as (url, _):
            words = ["move", "--users", "a@x.example", "--yes", "--app", url]
            assert run(words) == status, (last, outcome)
        err = capsys.readouterr().err
        assert ("  running: 1 of 3 users: moved 1" in err) is bool(early)
        assert (
            "2 users wait, and the app tries again by itself; the next one is due" in err
        ) is bool(last.get("waits"))


def test_the_address_of_the_console_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Where people sign in to it; no browser is opened where none is wanted."""
    with app(lambda _: (HTTPStatus.SEE_OTHER, b"")) as (url, asked):
        assert run(["console", "--app", url, "--no-open"]) == 0
    assert capsys.readouterr().out == f"{url}/api/console\n"
    assert asked == ["/api/console"]


def test_a_report_that_cannot_be_written_is_said_before_anybody_is_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same as for a move from here: status 2, and the app is not asked for anything."""
    with app(told_by_app) as (url, asked):
        words = ["move", "--users", "a@x.example", "--yes", "--app", url]
        assert run([*words, "--report", str(tmp_path / "run.pdf")]) == 2
        assert asked == []
    assert "a name that ends in .html or .xlsx is needed" in capsys.readouterr().err


def test_the_app_cancels_and_tries_again(capsys: pytest.CaptureFixture[str]) -> None:
    """With ticket and note; the results of the new run as CSV for another country's spreadsheet."""
    why = ("--ticket", "INC7", "--note", "wrong list")
    with app(told_by_app) as (url, asked):
        assert run(["cancel", "r1", *why, "--app", url]) == 0
        form = ("--output", "csv", "--bom", "--delimiter", ";")
        assert run(["retry", "r1", *why, "--yes", "--app", url, *form]) == 0
        assert run(["retry", "--attention", "--yes", "--app", url]) == 3, "no list of users"
    out, err = capsys.readouterr()
    assert "r1 is cancelled by the app: users 1, moved 1, failed 1" in err
    assert out.startswith("\ufefftime;run;user;")
    assert asked[0] == "/api/runs/r1/cancel"
    assert "/api/runs/r1/retry" in asked
