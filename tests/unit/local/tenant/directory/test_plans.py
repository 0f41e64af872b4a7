"""From products to assignedPlans."""

from local.tenant.directory import catalog
from local.tenant.directory.people import Grant
from local.tenant.directory.plans import conferencing_status, plans_of

E5, ADDON = catalog.MICROSOFT_365_E5.id, catalog.AUDIO_CONFERENCING.id
PLAN = catalog.MCOMEETADV.id
OLD, NEW = "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"


def statuses(plans: tuple[dict[str, str], ...]) -> dict[str, str]:
    """Plan id to status."""
    return {p["servicePlanId"]: p["capabilityStatus"] for p in plans}


def test_a_product_brings_its_plans() -> None:
    """Each plan once, all Enabled."""
    plans = plans_of({E5: Grant()}, (), NEW)
    assert statuses(plans) == {p.id: "Enabled" for p in catalog.MICROSOFT_365_E5.plans}


def test_a_disabled_plan_shows_as_deleted() -> None:
    """A plan that is switched off inside a product is listed and not Enabled."""
    plans = plans_of({E5: Grant(frozenset({PLAN}))}, (), NEW)
    assert statuses(plans)[PLAN] == "Deleted"
    assert conferencing_status(plans) == "Deleted"


def test_enabled_wins_over_disabled() -> None:
    """A plan switched off in one product and carried by another is Enabled, once."""
    for grants in (
        {E5: Grant(frozenset({PLAN})), ADDON: Grant()},
        {ADDON: Grant(), E5: Grant(frozenset({PLAN}))},
    ):
        plans = plans_of(grants, (), NEW)
        assert [p["capabilityStatus"] for p in plans if p["servicePlanId"] == PLAN] == ["Enabled"]


def test_a_plan_that_is_gone_stays_listed_as_deleted() -> None:
    """As in Graph, taking a product away does not take its plans off the list."""
    before = plans_of({ADDON: Grant()}, (), OLD)
    after = plans_of({}, before, NEW)
    assert after == (
        {
            "servicePlanId": PLAN,
            "capabilityStatus": "Deleted",
            "service": "MicrosoftCommunicationsOnline",
            "assignedDateTime": NEW,
        },
    )


def test_a_plan_that_did_not_change_keeps_its_date() -> None:
    """Adding a product touches only the plans it changes."""
    before = plans_of({E5: Grant()}, (), OLD)
    after = plans_of({E5: Grant(), ADDON: Grant()}, before, NEW)
    assert {p["assignedDateTime"] for p in after} == {OLD}


def test_a_lapsed_subscription_shows_its_status() -> None:
    """Suspended, Warning and LockedOut come from the product as a whole."""
    plans = plans_of({E5: Grant(status="Suspended")}, (), NEW)
    assert set(statuses(plans).values()) == {"Suspended"}


def test_no_conferencing_plan_no_status() -> None:
    """Office without conferencing has no conferencing status at all."""
    assert conferencing_status(plans_of({catalog.OFFICE_365_E3.id: Grant()}, (), NEW)) is None
