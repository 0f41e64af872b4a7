"""From an identity without rights to a moved user: `acp grant` is what makes the difference."""

import stat
from pathlib import Path

import httpx
import pytest

from local.azurite.server import Azurite
from tests.e2e.command_line import CommandLine, Ended
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, Tenant
from tests.integration.cli.grant.world import signed_in_az

pytestmark = pytest.mark.third_parties


def verdicts(ended: Ended) -> dict[str, str]:
    """The verdict of each part."""
    return {row["part"]: row["verdict"] for row in ended.json}


@pytest.mark.large  # tests/integration/cli/grant shows the rest of it
def test_without_rights_and_with(azurite_server: Azurite, folder: Path) -> None:
    """First 403 and what to do; after the grant the app is well, subscribed, and moves a user.

    The app keeps the token that it had before the grant: only a new one has the new rights, which is
    why the first look after the grant still fails.
    """
    place = folder / "grant"
    place.mkdir()
    with (
        Tenant(place, users=60, seed=3, strict=True) as tenant,
        System(azurite_server, tenant, place) as system,
    ):
        az = place / "az"
        az.write_text(signed_in_az(tenant.origin, system.tenant.id))
        az.chmod(az.stat().st_mode | stat.S_IXUSR)
        acp = CommandLine(place / "cli", system.settings)
        identity = httpx.get(f"{tenant.origin}/_tenant/identity").json()["principalId"]
        app = ("--app", system.host.origin, "--output", "json")

        before = acp("doctor", "--output", "json")
        assert before.status == 1
        parts = {row["part"]: row for row in before.json}
        for part in ("Graph", "Teams"):
            assert "HTTP 403" in parts[part]["detail"]
            assert "acp grant" in parts[part]["to_do"]

        granted = acp("grant", "--identity", identity, *app, "--wait", "0", PATH=str(place))
        assert granted.status == 1
        assert verdicts(granted)["Graph permission User.Read.All"] == "done"
        assert verdicts(granted)["Graph"] == "failed"

        httpx.post(f"{tenant.origin}/_tenant/tokens/revoke").raise_for_status()
        after = acp("grant", "--identity", identity, *app, "--wait", "60", PATH=str(place))
        assert after.status == 0, after.out + after.err
        assert verdicts(after)["Graph permission User.Read.All"] == "ok"
        assert verdicts(after)["change subscription"] == "ok"
        assert verdicts(after)["Graph"] == verdicts(after)["Teams"] == "ok"

        user = tenant.take("third_party")
        moved = acp("move", "--users", user["id"], "--yes", "--output", "json")
        assert moved.outcomes == {user["id"]: "moved"}
        assert tenant.user(user["id"])["provider"] == MICROSOFT
