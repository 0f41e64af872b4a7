"""The session of docs/cli.md: its lines, and somebody who types them."""

import io
import re
import shlex
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli.main import run
from local.commands import ROOT
from tests.e2e.command_line import surroundings

PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
FIRST = re.findall(r"^\$ acp demo (.+)$", PAGE, re.MULTILINE)[0]
"""The options of the demo that the session begins with."""

SESSION = re.findall(
    r"^\$ (.+)$", PAGE.split("<!-- session: begin -->")[1].split("<!-- session: end -->")[0], re.M
)


@dataclass
class Terminal:
    """Somebody who types what the page says, and puts in what was printed before."""

    names: dict[str, str]
    folder: Path
    said: list[str] = field(default_factory=list)
    settings: str = ""
    """The file that ACP_SETTINGS names."""

    def type(self, line: str, capsys: pytest.CaptureFixture[str]) -> int:
        """Run a line; return its status."""
        for name, value in self.names.items():
            line = re.sub(rf"\b{name}\b", value, line)
        words, into = shlex.split(line, comments=True), ""
        if ">" in words:
            *words, _, into = words
        known = {"PATH": "", **({"ACP_SETTINGS": self.settings} if self.settings else {})}
        with chdir(self.folder), surroundings(known, io.TextIOWrapper(io.BytesIO())):
            status = run(words[1:])
        printed = capsys.readouterr()
        if into:
            (self.folder / into).write_text(printed.out, encoding="utf-8")
        self.said.append(printed.err)
        if began := re.search(r"^run (\S+)$", printed.err, re.MULTILINE):
            self.names.setdefault("RUN", began[1])
        return status
