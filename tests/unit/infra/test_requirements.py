"""What is installed where: the deployed app gets nothing that only people or tests need."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_deployed_app_has_no_packages_of_the_command_line() -> None:
    """requirements.txt, which is compiled from the group `app`, has neither typer nor a web server."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    assert {"azure-functions", "httpx"} <= names
    assert not names & {"typer", "rich", "uvicorn", "starlette", "click", "croniter"}


def test_app_and_command_line_ask_for_the_same_versions() -> None:
    """What both need is the same requirement in both lists; the app adds azure-functions and htpy alone."""
    app = set(PROJECT["dependency-groups"]["app"])
    extra = set(PROJECT["project"]["optional-dependencies"]["local"])
    only_app = app - set(PROJECT["project"]["dependencies"])
    assert {re.split("[>=]", each)[0] for each in only_app} == {"azure-functions", "htpy"}
    assert only_app < extra
