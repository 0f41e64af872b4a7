"""The azd hooks as azd runs them: scripts of their own, in their folder, with azd's variables."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.checks.predicted import interface
from infra.hooks.command import grant
from tests.integration.cli.grant.test_grant_app import StandIn
from tests.integration.cli.grant.world import GrantingWorld, served, serving

ROOT = Path(__file__).parents[4]
HOOKS = ROOT / "infra/hooks"
OUTPUTS = ("IDENTITY_PRINCIPAL_ID", "AZURE_TENANT_ID", "SERVICE_API_URI", "SERVICE_API_NAME")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GrantingWorld]:
    """A tenant whose identity has no rights yet."""
    with serving(tmp_path) as world:
        yield world


def azd(world: GrantingWorld, hook: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a hook as azd does: any Python 3, the hook's folder, the values as variables."""
    environment = {
        "PATH": str(world.folder),
        "IDENTITY_PRINCIPAL_ID": world.identity,
        "AZURE_TENANT_ID": world.tenant_id,
        "ACP_TENANT_ID": "",
        "ACP_GRAPH_URL": world.origin,
        **values,
    }
    return subprocess.run(
        [sys.executable, "-I", str(HOOKS / hook)],
        env=environment,
        cwd=HOOKS,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_azure_yaml_names_the_hooks() -> None:
    """Both files are there, a person sees what they say, and a deployment does not fail with them."""
    hooks = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))["hooks"]
    assert set(hooks) == {"postprovision", "postdeploy"}
    for name, hook in hooks.items():
        assert (ROOT / hook["run"]).name == f"{name}.py"
        assert (ROOT / hook["run"]).exists()
        assert hook["continueOnError"]
        assert hook["interactive"]


def test_the_deployment_gives_what_the_hooks_read() -> None:
    """Every variable that the hooks read is an output of main.bicep."""
    outputs = interface(ROOT, "main")["outputs"]
    assert {*OUTPUTS, "RESOURCE_GROUP"} <= set(outputs)


def test_after_provisioning(world: GrantingWorld) -> None:
    """The identity has its rights, by the settings of the azd environment."""
    done = azd(world, "postprovision.py", ACP_REPROCESS_LICENSES="true")
    assert done.returncode == 0, done.stderr
    assert world.rights == (
        ["LicenseAssignment.ReadWrite.All", "User.Read.All"],
        ["Teams Administrator"],
    )


@pytest.mark.large
def test_after_provisioning_without_the_right(world: GrantingWorld) -> None:
    """The status tells azd, the text tells the person; nothing was changed."""
    world.sign_in("User Administrator")
    done = azd(world, "postprovision.py")
    assert done.returncode == 1
    assert "Ask a Privileged Role Administrator" in done.stderr
    assert world.writes == 0


@pytest.mark.large
def test_after_deployment(world: GrantingWorld) -> None:
    """The app is asked, with the key of the environment, and its findings are shown."""
    app = StandIn()
    with served(app) as url:
        done = azd(world, "postdeploy.py", SERVICE_API_URI=url, ACP_APP_KEY="key")
    assert done.returncode == 0, done.stderr
    assert app.keys == {"key"}
    assert "change subscription" in done.stdout


def test_the_key_comes_from_az(world: GrantingWorld) -> None:
    """Without a key in the environment the Azure CLI is asked, with group and name."""
    token = json.dumps(world.control("POST", "/administrator/token", {}))
    world.az(
        f"#!{sys.executable}\nimport sys\nwords = sys.argv[1:]\n"
        "if words[:3] == ['functionapp', 'keys', 'list']:\n"
        "    assert words[words.index('--name') + 1] == 'func-x', words\n"
        "    assert words[words.index('--resource-group') + 1] == 'rg-x', words\n"
        "    print('key-of-az')\n"
        f"else:\n    print({token!r})\n"
    )
    app = StandIn()
    values = {"SERVICE_API_NAME": "func-x", "RESOURCE_GROUP": "rg-x"}
    with served(app) as url:
        done = azd(world, "postdeploy.py", SERVICE_API_URI=url, **values)
    assert done.returncode == 0, done.stderr
    assert app.keys == {"key-of-az"}
    assert "key-of-az" not in done.stdout + done.stderr


@pytest.mark.large
def test_without_a_key(world: GrantingWorld) -> None:
    """The app is not asked, and that is said."""
    world.az_prints(err="ERROR: not signed in", status=1)
    done = azd(world, "postdeploy.py", SERVICE_API_URI="https://app.example")
    assert done.returncode == 0
    assert "no function key" in done.stdout


@pytest.mark.large
@pytest.mark.parametrize("hook", ["postprovision.py", "postdeploy.py"])
def test_not_run_by_azd(hook: str) -> None:
    """A missing variable is named; nothing is looked for."""
    done = subprocess.run(
        [sys.executable, "-I", str(HOOKS / hook)],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "is not set: this is run by azd" in done.stdout


@pytest.mark.large
def test_where_the_project_is_not_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says what to do, and the deployment goes on."""
    shutil.copytree(HOOKS, tmp_path / "infra/hooks")
    values = {"IDENTITY_PRINCIPAL_ID": "x", "AZURE_TENANT_ID": "y"}
    assert grant([], values, tmp_path) == 0
    assert "make install" in capsys.readouterr().out
