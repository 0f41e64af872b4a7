"""The pages about deployment name variables, outputs, files and roles that are there."""

import json
import re
from pathlib import Path

import pytest

from infra.checks import bicep
from infra.checks.roles import ROLES
from infra.checks.settings import known

ROOT = Path(__file__).parents[3]
PAGES = ["docs/deploy.md", "docs/security.md", "docs/cost.md"]
MAIN = bicep.parse(ROOT / "infra/main.bicep", ROOT)


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _variables() -> set[str]:
    parameters = json.loads(_page("infra/main.parameters.json"))["parameters"]
    found = (re.match(r"\$\{(\w+)", entry["value"]) for entry in parameters.values())
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
    assert named <= set(MAIN.of_kind("output"))


def test_second_stage_is_given_what_it_asks_for() -> None:
    """The command of the second stage and its file of constants fill every parameter, once."""
    second = bicep.parse(ROOT / "infra/eventgrid.bicep", ROOT).of_kind("parameter")
    fixed = set(json.loads(_page("infra/eventgrid.parameters.json"))["parameters"])
    command = _page("docs/deploy.md").split("az deployment group create")[1].split("```")[0]
    given = set(re.findall(r"(\w+)=\"\$", command))
    assert given | fixed == set(second)
    assert not given & fixed


def test_every_table_has_its_row() -> None:
    """docs/security.md tells what each table of the app holds and for how long."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    tables = set(re.findall(r'tables\.table\("(\w+)"\)', code))
    assert tables
    page = _page("docs/security.md")
    assert {name for name in tables if f"`{name}`" not in page} == set()


def test_no_two_roles_have_the_same_id() -> None:
    """Ids in the table of roles are GUIDs, each of one role."""
    assert len(set(ROLES.values())) == len(ROLES)
    assert all(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in ROLES.values()
    )
