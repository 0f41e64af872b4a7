"""Files with names or ids: for their owner, whole or not at all, through no link."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.connection import load
from cli.errors import CommandError
from cli.files import write_private

ROOT = Path(__file__).parents[3]
SHOW = "from cli.output import Output, show; show([{'user': 'a@x.example'}], ('user',), Output.CSV)"


def mode(file: Path) -> int:
    """The rights of a file."""
    return stat.S_IMODE(file.lstat().st_mode)


def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Also where an older one was open to all; nothing else is left in the folder."""
    file = tmp_path / "report.html"
    file.write_text("old")
    file.chmod(0o666)
    write_private(file, "new ü", "--report")
    assert (file.read_text("utf-8"), mode(file)) == ("new ü", 0o600)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "device"])
def test_no_link_is_followed(tmp_path: Path, kind: str) -> None:
    """A link somebody put there, a folder and a device are refused, and what they lead to is untouched."""
    other, file = tmp_path / "other", tmp_path / "report.html"
    if kind == "folder":
        file.mkdir()
    elif kind == "device":
        file = Path(os.devnull)
    else:
        if kind == "link":
            other.write_text("precious")
        file.symlink_to(other)
    with pytest.raises(CommandError, match="link, folder or device"):
        write_private(file, "new", "--report")
    assert other.exists() == (kind == "link")
    assert kind != "link" or other.read_text() == "precious"


def test_an_older_file_stays_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    """The text says which option names the file; no half a file is left."""
    file = tmp_path / "report.html"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "\ud800", "--report")
    with pytest.raises(CommandError, match=r"--report .*absent/x: cannot be written"):
        write_private(tmp_path / "absent" / "x", "new", "--report")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_redirected_output_is_for_its_owner_only(tmp_path: Path) -> None:
    """`acp saved > saved.csv`: the shell makes the file for everybody, the command takes that back."""
    file = tmp_path / "saved.csv"
    with file.open("wb") as opened:
        file.chmod(0o666)
        subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, stdout=opened, check=True)
    assert (file.read_text(), mode(file)) == ("user\na@x.example\n", 0o600)


def test_no_other_module_of_the_command_line_writes_files() -> None:
    """One function writes them all."""
    for path in (ROOT / "cli").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        writes = any(
            word in code for word in ("write_text(", "write_bytes(", '"w"', '"wb"', '"w+b"')
        )
        assert writes == (path.name == "files.py"), path


def test_settings_of_the_current_folder_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error: the file and what was taken from it, without the values."""
    values = {"ACP_GRAPH_URL": "https://evil.example", "ACP_MODE": "report"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACP_MODE", "move")
    monkeypatch.setenv("ACP_GRAPH_URL", "x")
    monkeypatch.delenv("ACP_GRAPH_URL")
    load(None)
    said = capsys.readouterr()
    assert said.err == f"settings from {tmp_path / 'local.settings.json'}: ACP_GRAPH_URL\n"
    assert (said.out, os.environ["ACP_MODE"]) == ("", "move")
