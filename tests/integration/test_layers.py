"""The contracts of import-linter (`make check`) catch what they are there to catch."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("functions", "cli", "shared", "local")

VIOLATIONS = {
    "shared/domain/user.py": "from shared.services import ports",
    "shared/services/moving/user.py": "from shared.storage import tables",
    "shared/storage/users.py": "from shared.clients import teams",
    "shared/clients/teams.py": "from shared import bootstrap",
    "functions/health.py": "from local.tenant import app",
    "shared/domain/run.py": "from shared.telemetry import log",
    "shared/services/sweeping/sweep.py": "from shared.settings import settings",
}


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the packages below `folder`."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts in a folder of their own."""
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.large
@pytest.mark.parametrize("module", VIOLATIONS)
def test_an_import_against_the_direction_breaks_a_contract(copy: Path, module: str) -> None:
    """An import up the layers, or into the stand-ins, fails and is named."""
    path = copy / module
    path.write_text(f"{path.read_text()}\n{VIOLATIONS[module]}\n", encoding="utf-8")
    checked = contracts(copy)
    assert checked.returncode == 1
    assert "BROKEN" in checked.stdout
    assert module.removesuffix(".py").replace("/", ".") in checked.stdout


@pytest.mark.large
def test_the_code_keeps_its_contracts(copy: Path) -> None:
    """Without a violation every contract is kept."""
    assert contracts(copy).returncode == 0
