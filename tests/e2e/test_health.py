"""What the open health address says, when all is well and when Microsoft is away."""

from pathlib import Path

import httpx
import pytest

from local.azurite.server import KEY, Azurite
from local.waiting import wait_until
from shared import __version__
from tests.e2e.system import System
from tests.e2e.tenant import TIME_LIMIT, Tenant


@pytest.mark.third_parties
def test_all_is_well(system: System) -> None:
    """200, the version, every part is ok, and what was found out about the service."""
    # The timer that runs at start looks at the service after it has subscribed.
    wait_until(
        lambda: "Teams API" in system.host.health().json()["capabilities"],
        "the app knows what the service tells",
        TIME_LIMIT,
    )
    answer = system.host.health()
    assert answer.status_code == 200
    content = answer.json()
    found = content.pop("capabilities")
    assert content == {
        "version": __version__,
        "status": "ok",
        "checks": {"storage": "ok", "graph": "ok", "teams": "ok", "rules": "ok"},
    }
    assert (found["Teams API"], found["reports providers"]) == ("admin", "yes")
    assert secrets_in(answer, system) == []


@pytest.mark.large
def test_the_tenant_is_away(azurite_server: Azurite, folder: Path) -> None:
    """503, the parts that fail are named, and neither a reason nor a secret is."""
    with (
        Tenant(folder, users=1) as tenant,
        System(azurite_server, tenant, folder) as system,
    ):
        system.wait_until_subscribed()
        tenant.stop(5)
        answer = system.host.health()
        assert answer.status_code == 503
        assert answer.json() == {
            "version": __version__,
            "status": "failing",
            "checks": {"storage": "ok", "graph": "failing", "teams": "failing", "rules": "ok"},
        }
        assert secrets_in(answer, system) == []


def secrets_in(answer: httpx.Response, system: System) -> list[str]:
    """Return what the answer must not carry and does."""
    secrets = [KEY, *system.storage.client_states(), system.tenant.origin, "eyJ", "Bearer"]
    return [secret for secret in secrets if secret in answer.text]
