"""The session of docs/cli.md, line by line, against the demo that it begins with."""

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cli.main import run
from tests.e2e.command_line import surroundings
from tests.e2e.host import ROOT
from tests.e2e.test_demo import LIMIT, start

PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
FIRST = re.search(r"^\$ acp demo (.+)$", PAGE, re.MULTILINE)
SESSION = re.findall(
    r"^\$ (.+)$", PAGE.split("<!-- session: begin -->")[1].split("<!-- session: end -->")[0], re.M
)


@dataclass
class Terminal:
    """Somebody who types what the page says, and puts in what was printed before."""

    names: dict[str, str]
    folder: Path
    said: list[str] = field(default_factory=list)

    def type(self, line: str, capsys: pytest.CaptureFixture[str]) -> int:
        """Run a line; return its status."""
        for name, value in self.names.items():
            line = re.sub(rf"\b{name}\b", value, line)
        words = shlex.split(line, comments=True)
        if words[0] == "curl":
            _, _, url, _, body = words
            return 0 if httpx.post(url, content=body, trust_env=False).is_success else 1
        with chdir(self.folder), surroundings({"PATH": ""}, io.TextIOWrapper(io.BytesIO())):
            status = run(words[1:])
        told = capsys.readouterr()
        self.said.append(told.err)
        if began := re.search(r"^run (\S+)$", told.err, re.MULTILINE):
            self.names.setdefault("RUN", began[1])
        return status


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The demo of the page's first line, when it has everything behind it."""
    assert FIRST
    folder = tmp_path_factory.mktemp("session")
    child = start(folder, *FIRST[1].split())
    try:
        names = {
            name: child.wait_for_line(rf"^  {name.lower()} +(\S+)$", LIMIT)[1]
            for name in ("TENANT", "HOST")
        }
        names["FILE"] = child.wait_for_line(r"^  acp ready --settings (\S+)$", LIMIT)[1]
        child.wait_for_line(r"^ready http://", LIMIT)
        yield Terminal(names, folder)
    finally:
        child.stop()


def test_the_session_runs_as_the_page_shows_it(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line ends with the status that the page gives it; 0 where it gives none."""
    for line in SESSION:
        wanted = re.search(r"# status (\d)$", line)
        status = terminal.type(line, capsys)
        assert status == int(wanted[1] if wanted else 0), (line, terminal.said[-1:])
    assert (terminal.folder / "run.html").is_file()


def test_every_command_is_in_the_session() -> None:
    """But for those that serve, and for the one that prepares a deployment."""
    described = set(re.findall(r"^## acp (\w+)$", PAGE, re.MULTILINE))
    used = {line.split()[1] for line in SESSION if line.startswith("acp")}
    assert described - used <= {"demo", "grant"}
