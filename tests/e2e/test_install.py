"""`acp` installed from its wheel into an environment of its own, and used outside the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.commands import ROOT

pytestmark = pytest.mark.large
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as whoever installs the package builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), "."], cwd=ROOT, check=True
    )
    return next(folder.glob("*.whl"))


class Installed:
    """The package in a fresh virtual environment, called from an empty folder."""

    def __init__(self, wheel: Path, folder: Path, extra: str = "") -> None:
        self.folder = folder / "empty"
        self.folder.mkdir()
        self.venv = folder / "venv"
        self.cache = folder / "cache"
        subprocess.run(
            [UV, "venv", "--quiet", "--python", sys.executable, str(self.venv)], check=True
        )
        install = [UV, "pip", "install", "--quiet", "--python", str(self.venv / "bin" / "python")]
        subprocess.run([*install, f"{wheel}{extra}"], check=True)

    def acp(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end."""
        return subprocess.run(
            [self.venv / "bin" / "acp", *words],
            cwd=self.folder,
            env={**os.environ, "XDG_CACHE_HOME": str(self.cache)},
            capture_output=True,
            text=True,
            check=False,
        )


def test_without_the_extra_only_the_simulation_is_missing(wheel: Path, tmp_path: Path) -> None:
    """All other commands start; demo, host, storage and tenant say with status 2 how to get the extra."""
    installed = Installed(wheel, tmp_path)
    assert installed.acp("--version").stdout.startswith("acp ")
    for command in ("move", "ready", "runs", "doctor", "grant"):
        assert installed.acp(command, "--help").returncode == 0
    assert "ACP_TENANT_ID: missing" in installed.acp("doctor").stderr
    for command in ("demo", "host", "storage", "tenant"):
        ended = installed.acp(command)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"error: acp {command} needs the extra [local]; ")
        assert f"pip install '{wheel}[local]'\n" in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_with_the_extra_the_demo_runs_anywhere(wheel: Path, tmp_path: Path) -> None:
    """Azurite goes into the cache folder, and the folder in which the demo was called stays empty."""
    installed = Installed(wheel, tmp_path, "[local]")
    assert installed.acp("doctor", "--help").returncode == 0
    ended = installed.acp("demo", "--users", "20")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "nobody unlicensed or excluded was changed" in ended.stdout
    assert list(installed.cache.glob("acp-mover/azurite-*/node_modules/azurite"))
    assert not list(installed.folder.iterdir())
