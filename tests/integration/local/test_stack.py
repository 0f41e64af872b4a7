"""The system as child processes: it starts, a host is killed and comes back, nothing is left."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from local.commands import AppHost, TenantProcess
from local.errors import ChildError, LocalError
from local.stack import Stack, app_settings

NEVER = "0 0 0 29 2 *"
QUIET = dict.fromkeys(
    (f"ACP_{name}_SCHEDULE" for name in ("SWEEP", "SUBSCRIPTION", "CATCH_UP", "RECHECK")), NEVER
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack[TenantProcess]]:
    """Azurite and a small tenant."""
    folder = tmp_path_factory.mktemp("stack")
    azurite = Azurite(log=folder / "azurite.log")
    with Stack(folder, azurite, TenantProcess(folder, users=5), name="stacktest") as stack:
        yield stack


@pytest.mark.large
def test_killed_host_starts_again_at_its_address(stack: Stack[TenantProcess]) -> None:
    """SIGKILL, and the same origin answers again; the log has both lives, `ended` knew of the death."""
    with stack.add_host(QUIET) as host:
        assert stack.ended() == []
        host.kill()
        assert stack.ended() == ["the host"]
        host.start()
        assert host.http.get("/api/health").is_success
        assert len(re.findall(r"^ready ", host.output, re.MULTILINE)) == 2
        host.upkeep("measure")
        assert host.counters("run_upkeep")["succeeded"] >= 1
        with pytest.raises(LocalError, match="no_such_function failed: "):
            host.run("no_such_function")


def test_settings_lead_to_the_stand_ins_and_keep_apps_apart(stack: Stack[TenantProcess]) -> None:
    """The tenant is that of the stack, and the name is the queue's and the tables'."""
    settings = app_settings(stack.connection_string, stack.tenant, "other")
    assert settings["ACP_TENANT_ID"] == stack.tenant.summary()["tenantId"]
    assert settings["ACP_GRAPH_URL"] == settings["ACP_TEAMS_URL"] == stack.tenant.origin
    assert (settings["ACP_QUEUE"], settings["ACP_TABLE_PREFIX"]) == ("other", "other")
    assert "ACP_QUEUE" not in app_settings(stack.connection_string, stack.tenant)


def test_host_gets_its_address_and_options(stack: Stack[TenantProcess]) -> None:
    """Settings win over those of the stack; options of the host are no settings of the app."""
    host = stack.add_host({"ACP_HOST_MESSAGE_LEASE_SECONDS": "2", "ACP_QUEUE": "mine"}, port=7999)
    assert (host.origin, host.settings["ACP_PUBLIC_URL"]) == ("http://127.0.0.1:7999",) * 2
    assert host.settings["ACP_QUEUE"] == "mine"
    assert "ACP_HOST_MESSAGE_LEASE_SECONDS" not in host.settings
    assert host.environment["ACP_HOST_MESSAGE_LEASE_SECONDS"] == "2"
    assert not host.running


@pytest.mark.large
def test_nothing_is_left_when_a_part_does_not_start(tmp_path: Path) -> None:
    """The error shows why; what had been started is stopped."""
    azurite, tenant = Azurite(), TenantProcess(tmp_path, users=-1)
    with pytest.raises(ChildError, match="the tenant ended with status 2"):
        Stack(tmp_path, azurite, tenant).__enter__()
    assert not azurite.running
    assert not tenant.running


@pytest.mark.large
def test_host_that_cannot_start_shows_its_log(stack: Stack[TenantProcess], tmp_path: Path) -> None:
    """A folder without an app: the host's own words are in the error."""
    with pytest.raises(ChildError, match=re.escape("host.json does not exist")):
        AppHost(tmp_path, tmp_path, {}).start()
    assert stack.tenant.running
