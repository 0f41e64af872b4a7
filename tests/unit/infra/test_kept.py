"""What protects the stored data is in the predicted deployments: redundancy, lock, log of access, limits."""

from pathlib import Path
from typing import Any

from infra.checks.predicted import resources

ROOT = Path(__file__).parents[3]


def found(kind: str) -> dict[str, Any]:
    """The properties of the only resource of a type, by predicted deployment."""
    return {one.deployment: one.body for one in resources(ROOT, kind)}


def way(bodies: dict[str, Any], name: str) -> Any:
    """That of one way of deploying."""
    return next(body for deployment, body in bodies.items() if name in deployment)


def test_the_storage_account_survives_what_the_parameters_say() -> None:
    """Zone-redundant with a lock where wanted; neither by default."""
    accounts = found("Microsoft.Storage/storageAccounts")
    assert way(accounts, "private-network")["sku"]["name"] == "Standard_ZRS"
    assert way(accounts, "default")["sku"]["name"] == "Standard_LRS"
    locks = found("Microsoft.Authorization/locks")
    assert [body["properties"]["level"] for body in locks.values()] == ["CanNotDelete"]
    assert "private-network" in next(iter(locks))


def test_who_reads_the_tables_is_logged() -> None:
    """Reads, writes and deletions of every table go to Log Analytics, wherever there is an app."""
    logs = found("Microsoft.Insights/diagnosticSettings")
    assert len(logs) == len(found("Microsoft.Web/sites"))
    for body in logs.values():
        on = {one["category"] for one in body["properties"]["logs"] if one["enabled"]}
        assert on == {"StorageRead", "StorageWrite", "StorageDelete"}
        assert "tableServices/default" in body["id"]


def test_undelivered_events_end() -> None:
    """After 30 days by default, of the container of undelivered events alone."""
    policies = found("Microsoft.Storage/storageAccounts/managementPolicies")
    (rule,) = way(policies, "default")["properties"]["policy"]["rules"]
    assert rule["definition"] == {
        "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["dead-letters/"]},
        "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}},
    }


def test_the_log_has_a_daily_cap_where_wanted() -> None:
    """A flood of lines costs no more than that; by default there is none, for a cap silences alerts."""
    spaces = found("Microsoft.OperationalInsights/workspaces")
    caps = {
        name: way(spaces, name)["properties"]["workspaceCapping"]["dailyQuotaGb"]
        for name in ("default", "private-network")
    }
    assert caps == {"default": -1, "private-network": 5}
