"""From the products a user holds to the assignedPlans that Graph shows.

The dictionaries are shared: a tenant of 100,000 users has a few hundred distinct plans, not a
million, and a page of users is written without building any.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from local.tenant.directory.catalog import CONFERENCING_PLANS, SKUS
from local.tenant.directory.people import Grant

Plan = dict[str, str]


@cache
def plan_json(plan_id: str, service: str, status: str, assigned: str) -> Plan:
    """One assignedPlan. Treat it as read-only: many users share it."""
    return {
        "assignedDateTime": assigned,
        "capabilityStatus": status,
        "service": service,
        "servicePlanId": plan_id,
    }


def plans_of(
    grants: Mapping[str, Grant], before: Iterable[Plan], assigned: str
) -> tuple[Plan, ...]:
    """The assignedPlans that follow from the products held.

    A plan that several products carry is Enabled when any of them enables it. A plan that was
    there before and is granted no longer stays listed as Deleted, and a plan that did not change
    keeps its date, both as in Graph.
    """
    wanted: dict[str, tuple[str, str]] = {}
    for sku_id, grant in grants.items():
        for plan in SKUS[sku_id].plans:
            status = "Deleted" if plan.id in grant.disabled else grant.status
            if wanted.get(plan.id, ("", ""))[1] != "Enabled":
                wanted[plan.id] = (plan.service, status)
    result: list[Plan] = []
    for old in before:
        service, status = wanted.pop(old["servicePlanId"], (old["service"], "Deleted"))
        unchanged = status == old["capabilityStatus"]
        result.append(
            old if unchanged else plan_json(old["servicePlanId"], service, status, assigned)
        )
    for plan_id, (service, status) in wanted.items():
        result.append(plan_json(plan_id, service, status, assigned))
    return tuple(result)


def conferencing_status(plans: Iterable[Plan]) -> str | None:
    """The best capabilityStatus of the conferencing plans; None when the user has none."""
    found = [p["capabilityStatus"] for p in plans if p["servicePlanId"] in CONFERENCING_PLANS]
    return "Enabled" if "Enabled" in found else (found[0] if found else None)
