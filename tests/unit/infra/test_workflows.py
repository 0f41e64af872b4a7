"""The GitHub workflows: who may sign in runs nothing foreign, and what is installed is pinned by hash."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
JOBS: dict[str, dict[str, Any]] = {
    f"{path.stem}: {name}": job
    for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
    for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
}
FOREIGN = re.compile(r"\b(make|pip|npm|npx|uvx?|pipx|python\S* -m)\b")


def commands(job: dict[str, Any]) -> list[str]:
    """What the steps of a job run."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_who_may_sign_in_runs_no_development_dependency() -> None:
    """A job with `id-token: write` builds and installs nothing: it takes the package that another made."""
    trusted = [job for job in JOBS.values() if "id-token" in job.get("permissions", {})]
    assert trusted
    for job in trusted:
        assert [run for run in commands(job) if FOREIGN.search(run)] == []
        assert any("--from-package dist/acp-mover.zip" in run for run in commands(job))


@pytest.mark.parametrize("name", JOBS)
def test_what_is_installed_is_pinned(name: str) -> None:
    """pip checks hashes; installers that take a version get one; actions are named by their commit."""
    job = JOBS[name]
    for run in commands(job):
        assert all(
            "--require-hashes" in line
            for line in run.splitlines()
            if "pip" in line and " install " in line
        )
    for step in job["steps"]:
        if "uses" in step:
            assert re.search(r"@[0-9a-f]{40}$", step["uses"])
        if "setup-azd" in step.get("uses", ""):
            assert re.fullmatch(r"\d+\.\d+\.\d+", step["with"]["version"])


def test_the_audit_fails_when_nobody_answers() -> None:
    """pip-audit passes over what it cannot look up, unless it is strict; no list of packages is left out."""
    job = JOBS["audit: audit"]
    (run,) = commands(job)
    assert "--strict" in run
    lists = {path.name for path in ROOT.glob("requirements*.txt")}
    assert set(job["strategy"]["matrix"]["requirements"]) == lists


def test_make_installs_its_installer_by_hash() -> None:
    """uv, which installs all else, comes with the hashes of requirements-dev.txt."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line for line in makefile.splitlines() if "pip install" in line and "-m pip" in line]
    assert lines
    assert all("--require-hashes" in line for line in lines)
    block = re.search(
        r"^uv==[^\n]*(?:\\\n[^\n]*)+", (ROOT / "requirements-dev.txt").read_text(), re.M
    )
    assert block
    assert "--hash=sha256:" in block[0]
