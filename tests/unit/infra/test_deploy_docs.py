"""The pages about deployment name variables, outputs, files and roles that are there."""

import re
from pathlib import Path

import pytest

from infra import predictions
from infra.checks.parameters import filled
from infra.checks.predicted import interface
from infra.checks.settings import known

ROOT = Path(__file__).parents[3]
PAGES = ["docs/deploy.md", "docs/security.md", "docs/cost.md"]
OUTPUTS = set(interface(ROOT, "main")["outputs"])


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _variables() -> set[str]:
    found = (re.match(r"\$\{(\w+)", value) for value in filled(ROOT).values())
    return {one[1] for one in found if one}


@pytest.mark.parametrize("page", PAGES)
def test_variables_exist(page: str) -> None:
    """What a reader is told to set fills a parameter; every other such name is a setting."""
    text = _page(page)
    told = set(re.findall(r"azd env set (\w+)", text))
    named = set(re.findall(r"`([A-Z_]{6,})[`=]", text))
    assert told <= _variables()
    assert named <= _variables() | known() | {"WEBSITE_AUTH_ENABLED"}


@pytest.mark.parametrize("page", PAGES)
def test_outputs_exist(page: str) -> None:
    """What a reader is told to read is an output of the deployment."""
    named = set(re.findall(r"azd env get-value (\w+)", _page(page)))
    assert named <= OUTPUTS


def test_azd_gets_its_outputs() -> None:
    """What azd itself reads, or its users look for, is an output of the deployment."""
    assert {"AZURE_LOCATION", "AZURE_TENANT_ID", "AZURE_FUNCTION_NAME", "RESOURCE_GROUP"} <= OUTPUTS


@pytest.mark.parametrize("stage", ["eventgrid", "eventgrid-queue"])
def test_second_stage_is_given_what_it_asks_for(stage: str) -> None:
    """The command of the second stage fills every parameter that has no default, and no other."""
    second = interface(ROOT, stage)["parameters"]
    commands = _page("docs/deploy.md").split("az deployment group create")[1:]
    (command,) = (each.split("```")[0] for each in commands if f"/{stage}.bicep" in each)
    given = set(re.findall(r"(\w+)=\"\$", command))
    assert given == {name for name, one in second.items() if "defaultValue" not in one}


def test_every_way_of_deploying_is_predicted() -> None:
    """The page names each predicted deployment, and what made the predictions."""
    page = _page("docs/deploy.md")
    assert all(f"[{way.stem}](" in page for way in predictions.ways(ROOT))
    assert predictions.compiler_version() in page


def test_every_table_has_its_row() -> None:
    """docs/security.md tells what each table of the app holds and for how long."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    tables = set(re.findall(r'tables\.table\("(\w+)"\)', code))
    assert tables
    page = _page("docs/security.md")
    assert {name for name in tables if f"`{name}`" not in page} == set()
