"""The catalogue of log lines says what the code writes, and the code writes all of it."""

import ast
import re
from pathlib import Path

from shared.telemetry.events import FIELDS, catalogue, fields_of

ROOT = Path(__file__).parents[4]


def written() -> dict[str, set[str]]:
    """The events that the app's code makes, by class, with the fields that it gives them."""
    found: dict[str, set[str]] = {}
    names = {kind.__name__ for kind in catalogue().values()}
    for folder in ("shared", "functions"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    given = {keyword.arg or "**" for keyword in node.keywords}
                    if node.func.id in names:
                        found.setdefault(node.func.id, set()).update(given)
    return found


def test_every_event_is_written_with_every_field() -> None:
    """No event and no field of the catalogue is an empty promise: some code writes each."""
    declared = {kind.__name__: set(kind.declared) for kind in catalogue().values()}
    assert written() == declared


def test_every_field_is_explained_once() -> None:
    """Each field has a meaning, and no meaning is left of a field that is gone."""
    used = {name for kind in catalogue().values() for name in fields_of(kind)}
    assert used == set(FIELDS)


def test_names_are_safe_to_parse() -> None:
    """Events and fields are lower-case words, none of them the beginning of another event's line."""
    for name in [*catalogue(), *FIELDS]:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)


def test_every_event_is_explained() -> None:
    """Each event's docstring is a sentence for an administrator."""
    assert all((kind.__doc__ or "").endswith(".") for kind in catalogue().values())


def test_only_the_event_log_logs() -> None:
    """No code of the app writes a line past the catalogue."""
    calls = re.compile(r"\blog(?:ger|ging)?\.(?:debug|info|warning|error|exception|critical)\(")
    sources = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert [str(path) for path in sources if calls.search(path.read_text(encoding="utf-8"))] == []
