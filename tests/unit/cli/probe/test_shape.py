"""Shapes, the transport that only reads, and files that are none."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.main import run
from cli.probe.file import read_file
from cli.probe.names import FIELDS, UNLISTED
from cli.probe.shape import FORMATS, Shape, format_of
from cli.probe.transport import ReadOnlyTransport, WriteRefusedError
from tests.fakes import guid

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(sorted(FIELDS)), inner, max_size=4)
    ),
    max_leaves=30,
)


def words(content: Any) -> set[str]:
    """Every text in a JSON document: keys and values."""
    if isinstance(content, dict):
        return set(content) | {word for each in content.values() for word in words(each)}
    if isinstance(content, list):
        return {word for each in content for word in words(each)}
    return {content} if isinstance(content, str) else set()


@given(VALUES)
def test_a_shape_has_only_words_of_this_code(value: Any) -> None:
    """Whatever is answered: names on the list, types, formats, counts; and it is read back the same."""
    shape = Shape.of(value)
    text = shape.model_dump_json(exclude_defaults=True)
    kinds = {"object", "array", "text", "whole", "fraction", "true or false", "null", "not shown"}
    parts = {"seen", "formats", "fields", "items", "least", "most"}
    assert words(json.loads(text)) <= FIELDS | FORMATS | kinds | parts | {UNLISTED}
    assert Shape.model_validate_json(text) == shape


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        (guid(1), "", "GUID"),
        ("adele@contoso.com", "", "address of a user"),
        ("https://a.example/x?y", "", "web address"),
        ("+14255550100", "", "number with plus sign"),
        ("14255550100", "", "digits"),
        ("tel:+14255550100", "", "tel: number"),
        ("2026-11-29T10:00:00.12Z", "", "time"),
        ("DE", "", "two capital letters"),
        ("User", "accountType", "known word"),
        ("resourceAccount", "accountType", "known word"),
        ("Robot", "accountType", "one word"),
        ("", "", "empty"),
        ("Adele Vance", "", "other text"),
    ],
)
def test_formats(text: str, field: str, expected: str) -> None:
    """The first format that fits; a word counts as known in its own field only."""
    assert format_of(text, field) == expected


def test_elements_are_one_shape_together() -> None:
    """Counts say how often a field is there, how many elements there were, and of which types."""
    shape = Shape.of([{"id": guid(1)}, {"id": None, "Adele": 1}, {"id": guid(2)}])
    assert shape == Shape.model_validate(
        {
            "seen": {"array": 1},
            "least": 3,
            "most": 3,
            "items": {
                "seen": {"object": 3},
                "fields": {
                    "id": {"seen": {"text": 2, "null": 1}, "formats": {"GUID": 2}},
                    UNLISTED: {"seen": {"not shown": 1}},
                },
            },
        }
    )


def batch(*inner: tuple[str, str]) -> bytes:
    """The body of a batch."""
    requests = [{"id": "0", "method": method, "url": url} for method, url in inner]
    return json.dumps({"requests": requests}).encode()


CHECK = f"/users/{guid(1)}/checkMemberGroups"
ASSIGN = f"/users/{guid(1)}/assignLicense"


@pytest.mark.parametrize(
    ("method", "path", "body", "sent"),
    [
        ("GET", "/v1.0/users", b"", True),
        ("POST", "/v1.0/$batch", batch(("GET", "/users"), ("POST", CHECK)), True),
        ("POST", "/v1.0/$batch", batch(("GET", "/users"), ("POST", ASSIGN)), False),
        ("POST", "/v1.0/$batch", batch(("DELETE", f"/users/{guid(1)}")), False),
        ("POST", "/v1.0/$batch", batch(("get", "/users")), False),
        ("POST", "/v1.0/$batch", b"{", False),
        ("POST", "/v1.0/$batch", b"[]", False),
        ("POST", "/v1.0/subscriptions", b"", False),
        ("PUT", f"/Teams.Cpc/users/{guid(1)}", b"{}", False),
        ("PATCH", "/v1.0/users", b"", False),
        ("DELETE", "/v1.0/users", b"", False),
    ],
)
async def test_the_transport_only_reads(method: str, path: str, body: bytes, sent: bool) -> None:
    """GET and batches that read go out; everything else is refused before it is sent."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    transport = ReadOnlyTransport(httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as http:
        if sent:
            await http.request(method, path, content=body)
        else:
            with pytest.raises(WriteRefusedError):
                await http.request(method, path, content=body)
    assert len(requests) == sent


HEAD = '"kind": "acp-probe", "version": 1'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is no probe file"),
        ("{", "this is no probe file"),
        ("[]", "this is no probe file"),
        ('{"kind": "acp-probe", "version": 1}', "this is no probe file"),
        ('{"kind": "acp-probe", "version": 2, "rows": {}}', "a probe file of another version"),
        (
            '{"kind": "acp-probe", "version": 1, "app": "0.1.0", "cloud": "public",'
            ' "rows": {"BATCH": {"status": 200, "shape": {"seen": {}, "fields": {"Adele": {"seen": {}}}}}}}',
            "this is no probe file",
        ),
        *(
            (
                f'{{{HEAD}, "app": "{app}", "cloud": "public", "rows": {{{rows}}}}}',
                "this is no probe file",
            )
            for app, rows in (
                ("0.1.0", '"Adele Vance": {"status": 200}'),
                ("0.1.0", '"BATCH": {"headers": {"retry-after": "14255550100"}}'),
                ("0.1.0", '"BATCH": {"headers": {"<unlisted>": "14255550100"}}'),
                ("0.1.0", '"BATCH": {"headers": {"x-adele": "GUID"}}'),
                ("0.1.0", '"BATCH": {"headers": {"allow": "GET, adele"}}'),
                ("0.1.0", '"BATCH": {"shape": {"seen": {"text": 1}, "formats": {"Adele": 1}}}'),
                ("0.1.0", '"BATCH": {"continuation": {"name": "Adele"}}'),
                ("1.4255550100", ""),
                ("0.1.adele", ""),
            )
        ),
    ],
)
def test_what_is_no_probe_file_is_said_in_one_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file of a probe, or of another version: one line, and status 2."""
    file = tmp_path / "file.json"
    file.write_text(text)
    assert run(["probe", "--check", str(file)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is named with the reason."""
    assert run(["probe", "--check", str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_a_minimal_file_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without rows is a probe in which nothing was asked: nothing differs."""
    file = tmp_path / "file.json"
    file.write_text(
        '{"kind": "acp-probe", "version": 1, "app": "0.1.0", "cloud": "public", "rows": {}}'
    )
    assert read_file(file).rows == {}
    assert run(["probe", "--check", str(file), "--output", "csv"]) == 0
    assert capsys.readouterr().out.count("not asked") >= 17
