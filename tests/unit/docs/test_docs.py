"""The documents say what the code does: settings, calls, make targets, functions, files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import TABLES, updated
from functions.http.routes import ROUTES
from shared import __version__
from shared.settings.settings import Settings
from shared.telemetry.events import catalogue

ROOT = Path(__file__).parents[3]
CLIENTS = {"httpx", "msal", "requests", "azure", "aiohttp"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(TABLES))
def test_generated_tables_are_fresh(name: str) -> None:
    """The tables of settings and calls are what `make docs` would write."""
    assert (ROOT / name).read_text(encoding="utf-8") == updated(name), "run make docs"


def test_log_lines_that_operations_explains_are_written() -> None:
    """Every line in the table of docs/operations.md is an event that the app knows."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.split("## Log lines")[1].split("## ")[0]
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)", row)
    }
    assert len(named) > 5
    assert named <= catalogue().keys()


def test_no_decision_is_sampled_away() -> None:
    """Traces are excluded from adaptive sampling, and our loggers' level is let through."""
    logging = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]
    excluded = logging["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    assert {"Trace", "Request", "Exception"} <= set(excluded)
    assert logging["logLevel"]["default"] == "Information"
    assert not [name for name in logging["logLevel"] if name.startswith("Function")]


def test_example_settings_are_settings() -> None:
    """The shipped local.settings.json.example starts the app (with Core Tools or the local host)."""
    content = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))
    settings = Settings.from_environment(content["Values"])
    assert settings.notification_url


def test_readme_names_only_make_targets_that_exist() -> None:
    """Every `make x` of README and CONTRIBUTING is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", README + contributing))
    assert named
    assert named <= targets


def test_readme_names_every_function() -> None:
    """A function that README does not explain does not exist."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").glob("*.py"))
    functions = set(re.findall(r"^async def (\w+)\(", code, re.MULTILINE))
    functions |= {route.name for route in ROUTES}
    assert {"move_users", "sweep_providers", "request_moves"} <= functions
    assert {name for name in functions if f"`{name}`" not in README} == set()


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ],
)
def test_links_lead_to_files(document: str) -> None:
    """Every relative link of a document leads to a file of the repository."""
    path = ROOT / document
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_app_does_not_import_the_stand_ins() -> None:
    """Dependencies point one way: the app never imports local/, cli/ or tests/."""
    sources = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    wrong = [
        str(path)
        for path in sources
        if re.search(
            r"^\s*(from|import) (local|cli|tests|benchmarks)\b", path.read_text(), re.MULTILINE
        )
    ]
    assert wrong == []


def test_domain_is_pure() -> None:
    """The domain imports no I/O and no framework: only the standard library and itself."""
    allowed = {
        "array",
        "bisect",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "enum",
        "hashlib",
        "itertools",
        "json",
        "math",
        "re",
        "secrets",
        "uuid",
    }
    imported = {
        match.group(1)
        for path in (ROOT / "shared" / "domain").glob("*.py")
        for match in re.finditer(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
    }
    assert "dataclasses" in imported, "nothing was read"
    assert imported <= allowed | {"typing", "shared"}


def test_domain_and_services_load_no_client() -> None:
    """All of their modules together load no HTTP client and no SDK, not even by detours."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in ("domain", "services")
        for path in sorted((ROOT / "shared" / room).rglob("*.py"))
    ]
    program = (
        "import sys, importlib; [*map(importlib.import_module, sys.argv[1:])]; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *modules],
        check=True,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    loaded = done.stdout.split()
    assert set(modules) <= set(loaded)
    assert {each.partition(".")[0] for each in loaded} & CLIENTS == set()


def test_changelog_has_the_version() -> None:
    """The released version stands in the changelog and in pyproject.toml alike."""
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"[{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
