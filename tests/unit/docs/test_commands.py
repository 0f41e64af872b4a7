"""Everything in docs/cli.md is run by a test: each command has its section, each option of it a test.

Which tests run an option is told from their text: a test file, or a line of the session, names the command
and the option.
"""

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


def test_every_option_is_run_by_a_test() -> None:
    """With the command whose it is."""
    # A folder of tests with a command's name is about that command.
    tests = [
        " ".join((*(f"({part})" for part in file.parts), file.read_text(encoding="utf-8")))
        for file in (ROOT / "tests").rglob("*.py")
        if file != Path(__file__)
    ]
    session = [line for line in PAGE.splitlines() if line.startswith("$ acp ")]
    missing = []
    for command, text in sections().items():
        names = re.compile(rf'[" (]{command}[") ,]')
        runs = [each for each in (*tests, *session) if names.search(each)]
        options = set(re.findall(r"^│ +(--[a-z-]+)", text, re.MULTILINE)) - ONE_PLACE
        missing += [
            f"{command} {option}"
            for option in sorted(options)
            if not any(re.search(rf"{option}(?![a-z-])", each) for each in runs)
        ]
    assert missing == []
