"""The package holds what runs and nothing else, and the same files give the same package."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra.package import CODE, PackageError, build, files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small app with things beside it that must not be deployed."""
    source = tmp_path / "source"
    for name in (
        *("function_app.py", "host.json", "requirements.txt", "functions/a.py", "shared/b/c.py"),
        *("README.md", "tests/test_a.py", "local/x.py", "infra/main.bicep", "dist/old.zip"),
        *("local.settings.json", ".azure/env/.env", ".git/config", "shared/__pycache__/b.pyc"),
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    shutil.copy(CODE / ".funcignore", source)
    return source


def _names(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def test_only_what_runs_is_packed(folder: Path, tmp_path: Path) -> None:
    """Settings, secrets, tests, documents and tools stay out."""
    build(folder, tmp_path / "app.zip")
    assert _names(tmp_path / "app.zip") == [
        "function_app.py",
        "functions/a.py",
        "host.json",
        "requirements.txt",
        "shared/b/c.py",
    ]


def test_every_module_of_the_app_is_packed(tmp_path: Path) -> None:
    """Of this project: all modules of functions/ and shared/, what browsers load, and three files."""
    build(CODE, tmp_path / "app.zip")
    modules = {
        path.relative_to(CODE).as_posix()
        for name in ("functions", "shared")
        for path in (CODE / name).rglob("*.py")
    }
    files = {
        path.relative_to(CODE).as_posix()
        for path in (CODE / "functions" / "console" / "static").iterdir()
    }
    beside = {"function_app.py", "host.json", "requirements.txt"}
    assert set(_names(tmp_path / "app.zip")) == modules | files | beside


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Neither the order of the files on disk nor their dates show."""
    build(folder, tmp_path / "one.zip")
    again = tmp_path / "again"
    for path in reversed(list(files(folder))):
        (again / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / path, again / path)
    shutil.copy(folder / ".funcignore", again)
    build(again, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "saved.csv",
        "report.html",
        "functions/saved.csv",
        "shared/x/.env",
        "functions_old/a.py",
        "x.py",
    ],
)
def test_a_file_that_nobody_thought_of_stays_here(folder: Path, tmp_path: Path, name: str) -> None:
    """`acp saved > saved.csv` in the project's folder, or in one that is deployed: it is not packed."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("adele@contoso.com,4711")
    build(folder, tmp_path / "app.zip")
    assert len(_names(tmp_path / "app.zip")) == 5


def test_a_list_that_lets_in_too_much_is_refused(folder: Path, tmp_path: Path) -> None:
    """A file that does not run is named, not deployed."""
    (folder / "users.csv").write_text("adele@contoso.com")
    with (folder / ".funcignore").open("a") as opened:
        opened.write("!/users.csv\n")
    with pytest.raises(PackageError, match=r"users\.csv would be deployed"):
        build(folder, tmp_path / "app.zip")


def test_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    """It would carry what it leads to, from anywhere on this machine."""
    (folder / "shared" / "x.py").symlink_to(tmp_path / "secret")
    with pytest.raises(PackageError, match=r"shared/x\.py is a link"):
        build(folder, tmp_path / "app.zip")


def test_git_reads_the_list_alike(folder: Path) -> None:
    """Azure's tools read it as .gitignore: git, which defines the language, lets in the same files."""
    for name in (
        "saved.csv",
        "functions/saved.csv",
        "docs/shared/a.py",
        "shared/b/__pycache__/c.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    shutil.rmtree(folder / ".git")
    git = ["git", "-C", str(folder), "-c", "core.excludesFile="]
    subprocess.run([*git, "init", "--quiet"], check=True)
    listed = [*git, "ls-files", "--others", "--exclude-from=.funcignore"]
    done = subprocess.run(listed, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [path.as_posix() for path in files(folder)]


def test_a_package_that_is_too_large_is_refused(folder: Path, tmp_path: Path) -> None:
    """More megabytes than allowed: the text says how many."""
    with pytest.raises(PackageError, match="more than 0"):
        build(folder, tmp_path / "app.zip", limit_mb=0)


@pytest.mark.parametrize("pattern", ["docs/?", "!keep[ab].md", "\\!x"])
def test_a_pattern_that_is_not_read_is_refused(folder: Path, tmp_path: Path, pattern: str) -> None:
    """What .funcignore may say and this build does not understand never passes in silence."""
    (folder / ".funcignore").write_text(f"*.md\n{pattern}\n")
    with pytest.raises(PackageError, match="of wildcards only"):
        build(folder, tmp_path / "app.zip")
