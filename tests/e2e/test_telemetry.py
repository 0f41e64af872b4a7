"""What the deployed app writes for the workbook and the alerts, through the real worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite.server import Azurite
from tests.e2e.system import System
from tests.e2e.tenant import Tenant
from tests.loglines import parsed


@pytest.fixture(scope="module")
def tenant(folder: Path) -> Iterator[Tenant]:
    """A tenant of its own, for the sweep touches everybody."""
    with Tenant(folder, users=60, seed=5) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, tenant: Tenant, folder: Path) -> Iterator[System]:
    """The app on that tenant."""
    with System(azurite_server, tenant, folder) as system:
        system.wait_until_subscribed()
        yield system


def lines_since(system: System, before: int) -> list[tuple[str, dict[str, str]]]:
    """The app's own lines of the host's log since a point of it."""
    texts = system.host.output[before:].splitlines()
    return [parsed(text.split("] ", 1)[-1]) for text in texts if " acp." in text]


@pytest.mark.third_parties
def test_one_operation_leads_from_the_notification_to_the_outcome(
    system: System, tenant: Tenant
) -> None:
    """The id on the line of the notification is on the line of its user's move, across the queue."""
    user, before = tenant.take("third_party"), len(system.host.output)
    with system.changing(user):
        system.host.webhook({"value": [system.notification(user)]})
        system.wait_for(user, "moved")
        system.wait_until_idle()
    lines = lines_since(system, before)
    (decided,) = [fields for event, fields in lines if event == "decided"]
    (notified,) = [fields for event, fields in lines if event == "notified"]
    assert (decided["decision"], decided["outcome"]) == ("replace", "moved")
    assert decided["operation"] == notified["operation"]


@pytest.mark.third_parties
def test_a_sweep_says_what_it_found_and_its_moves_name_it(system: System, tenant: Tenant) -> None:
    """The sweep's line counts its users; the decisions that follow carry its run and its operation."""
    user, before = tenant.take("third_party"), len(system.host.output)
    system.sweep()
    assert tenant.user(user["id"])["sets"] == 1
    lines = lines_since(system, before)
    (ended,) = [fields for event, fields in lines if event == "sweep_ended"]
    decided = [fields for event, fields in lines if fields.get("run") == ended["run"]]
    assert ended["state"] == "finished"
    assert int(ended["users"]) >= int(ended["licensed"]) >= int(ended["ready"]) > 0
    assert {fields["operation"] for fields in decided} == {ended["operation"]}


def test_the_measures_are_those_of_the_tables(system: System) -> None:
    """The timer reads the storage: after a catch-up the delta age is that of its link."""
    system.host.upkeep("catch_up")
    before = len(system.host.output)
    system.host.upkeep("measure")
    (measured,) = [fields for event, fields in lines_since(system, before) if event == "measured"]
    assert 0 <= int(measured["delta_age_s"]) < 60
    assert int(measured["subscription_left_s"]) > 86_400
    assert int(measured["poison"]) >= 0
