"""Everything in docs/cli.md is run by a test: each command has its section, each option of it a test.

Which tests run an option is told from their code: the words of one call are the command and the option.
"""

import ast
import re
from pathlib import Path

from cli.main import _PANELS
from docs.generate import COMMANDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
ONE_PLACE = {"--help", "--settings", "--output", "--bom", "--delimiter", "--all", "--file"}
"""Of --help the page is made; the tests' `CommandLine` gives every command its settings; and the form of the
data is chosen in one place (cli/form.py), whose tests run each of these with some commands."""

ELSEWHERE = {"storage", "tenant", "host"}
"""Commands of this machine alone, which local/tenant/README.md describes."""


def sections() -> dict[str, str]:
    """The part of the page about each command."""
    names = re.findall(r"^## acp (\w+)$", PAGE, re.MULTILINE)
    return dict(zip(names, re.split(r"^## acp \w+$", PAGE, flags=re.MULTILINE)[1:], strict=True))


def test_every_command_has_its_section() -> None:
    """Whoever adds a command finds it on the page."""
    known = {name for panel in _PANELS.values() for name in panel}
    assert set(COMMANDS) == set(sections()) == known - ELSEWHERE


def texts_of(node: ast.expr, known: dict[str, list[str]]) -> list[str]:
    """The words of a call, tuple or list: its own texts, and those of a named tuple it unpacks."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Call(args=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [text for part in parts for text in texts_of(part, known)]
        case ast.Starred(value=ast.Name(id=name)):
            return known.get(name, [])
        case ast.Starred(value=value):
            return texts_of(value, known)
        case _:
            return []


def commands_in(file: Path) -> list[set[str]]:
    """What a test file runs: the words of each call, tuple and list, with the folders that it is in."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if "--" not in text:
        return []
    tree = ast.parse(text)
    known: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known.setdefault(node.targets[0].id, []).extend(texts_of(node.value, {}))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call | ast.Tuple | ast.List)]
    return [{*texts_of(node, known), *file.parent.parts} for node in nodes]


def test_every_option_is_run_by_a_test() -> None:
    """In one call with the command whose it is, in a folder of tests of that command, or by the session."""
    files = [file.relative_to(ROOT) for file in (ROOT / "tests").rglob("*.py")]
    runs = [words for file in files for words in commands_in(file)]
    runs += [set(line.split()[2:]) for line in PAGE.splitlines() if line.startswith("$ acp ")]
    missing = [
        f"{command} {option}"
        for command, text in sections().items()
        for option in sorted(set(re.findall(r"^│ +(--[a-z-]+)", text, re.MULTILINE)) - ONE_PLACE)
        if not any({command, option} <= words for words in runs)
    ]
    assert missing == []
