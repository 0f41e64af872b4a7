"""docs/security.md, the tables that the code opens, the janitor and `acp forget` say the same."""

import inspect
import re
from pathlib import Path

import pytest

from shared.domain.stored import BY_NAME, STORED
from shared.services.admin.forget import TABLES
from shared.services.upkeep.janitor import Janitor
from shared.settings.settings import Settings
from shared.storage import leftovers
from shared.storage.personal import FORGETTERS
from shared.storage.tables import Tables

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def opened(source: str) -> set[str]:
    """The tables that a piece of code opens by name."""
    return set(re.findall(r'table\(\s*"(\w+)"\s*\)', source))


def test_a_table_that_is_not_listed_cannot_be_opened() -> None:
    """A new table without an entry fails at its first use."""
    with pytest.raises(KeyError, match="newtable"):
        Tables.open("", connection="UseDevelopmentStorage=true").table("newtable")


def test_every_table_that_the_code_opens_is_listed() -> None:
    """And none is listed that the code does not open."""
    code = "".join(path.read_text("utf-8") for path in (ROOT / "shared").rglob("*.py"))
    assert opened(code) == set(BY_NAME)
    assert len(BY_NAME) == len(STORED)


def test_the_page_lists_every_table_once() -> None:
    """docs/security.md has a row for each table, and for no other."""
    part = PAGE.split("## What is stored")[1].split("Other places")[0]
    assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == [table.name for table in STORED]


def test_forget_deletes_from_every_table_with_personal_data() -> None:
    """No table that holds somebody is without a way to delete a person from it."""
    assert set(FORGETTERS) == set(TABLES)
    assert {table.name for table in STORED if table.holds != "none"} == set(TABLES)


def test_the_janitor_cleans_every_table_that_says_so() -> None:
    """The tables that it handles are those whose entry says that it does; saved entries are none of them."""
    source = inspect.getsource(leftovers)
    handled = opened(source) | set(re.findall(r'"(plans|requests|runresults|guard)"', source))
    handled |= {"held"} & inspect.signature(Janitor.__init__).parameters.keys()
    assert handled == {table.name for table in STORED if table.janitor}
    assert "replacedproviders" not in handled
    assert "replaced" not in inspect.signature(Janitor.__init__).parameters


def test_every_retention_that_is_named_is_a_setting() -> None:
    """Each ACP_KEEP_... of the page is a setting, and each such setting is on the page."""
    settings = {str(field.alias) for field in Settings.model_fields.values()}
    named = set(re.findall(r"ACP_KEEP_\w+", PAGE))
    assert named == {name for name in settings if name.startswith("ACP_KEEP_")}
