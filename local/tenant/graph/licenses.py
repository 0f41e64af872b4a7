"""Licenses: what is subscribed, what a user holds, assigning, taking away, reprocessing.

Sources: https://learn.microsoft.com/graph/api/user-assignlicense,
.../user-reprocesslicenseassignment, .../user-list-licensedetails, .../subscribedsku-list
"""

import uuid

from local.tenant.directory.catalog import SKUS
from local.tenant.directory.people import Grant, User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.shapes import DEFAULT, context, show
from local.tenant.graph.users import find_user
from local.tenant.graph.writes import read_object
from local.tenant.tenant import Tenant


class GraphLicenses:
    """`/subscribedSkus` and the license operations below `/users/{id}`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def subscribed(self, call: Call) -> Answer:
        """Every product of the tenant, with the units bought and used."""
        tenant = self._tenant
        value = [
            {
                "accountId": tenant.account_id,
                "accountName": "Contoso",
                "appliesTo": "User",
                "capabilityStatus": "Enabled",
                "consumedUnits": tenant.directory.consumed[sku.id],
                "id": f"{tenant.account_id}_{sku.id}",
                "prepaidUnits": {
                    "enabled": tenant.prepaid[sku.id],
                    "lockedOut": 0,
                    "suspended": 0,
                    "warning": 0,
                },
                "servicePlans": [
                    {
                        "appliesTo": "User",
                        "provisioningStatus": "Success",
                        "servicePlanId": plan.id,
                        "servicePlanName": plan.name,
                    }
                    for plan in sku.plans
                ],
                "skuId": sku.id,
                "skuPartNumber": sku.part_number,
                "subscriptionIds": [str(uuid.uuid5(uuid.UUID(tenant.id), sku.id))],
            }
            for sku in SKUS.values()
        ]
        return Answer(
            200, {"@odata.context": f"{call.base}/v1.0/$metadata#subscribedSkus", "value": value}
        )

    def details(self, call: Call) -> Answer:
        """The products of one user, with the state of each service plan."""
        user = find_user(self._tenant, call.params["id"])
        value = [
            {
                "id": str(uuid.uuid5(uuid.UUID(user.id), sku_id)),
                "servicePlans": [
                    {
                        "appliesTo": "User",
                        "provisioningStatus": "Disabled"
                        if plan.id in grant.disabled
                        else "Success",
                        "servicePlanId": plan.id,
                        "servicePlanName": plan.name,
                    }
                    for plan in SKUS[sku_id].plans
                ],
                "skuId": sku_id,
                "skuPartNumber": SKUS[sku_id].part_number,
            }
            for sku_id, grant in user.grants.items()
        ]
        where = f"{call.base}/v1.0/$metadata#users('{user.id}')/licenseDetails"
        return Answer(200, {"@odata.context": where, "value": value})

    def assign(self, call: Call) -> Answer:
        """Assign and take away products in one step, all of it or nothing."""
        user = find_user(self._tenant, call.params["id"])
        body = read_object(call)
        for name in ("addLicenses", "removeLicenses"):
            if not isinstance(body.get(name), list):
                raise _refuse(
                    "One or more parameters of the operation 'assignLicense' are missing from the "
                    f"request payload. The missing parameters: {name}."
                )
        add = self._additions(user, body["addLicenses"])
        remove = _removals(user, body["removeLicenses"])
        if add and user.usage_location is None:
            raise _refuse("License assignment cannot be done for user with invalid usage location.")
        self._tenant.license(user, add, remove)
        return self._show(call, user)

    def reprocess(self, call: Call) -> Answer:
        """Look at the user's license assignments again."""
        user = find_user(self._tenant, call.params["id"])
        self._tenant.provisioning.reprocess(user)
        return self._show(call, user)

    def _show(self, call: Call, user: User) -> Answer:
        where = context(call.base, DEFAULT, selected=False, entity=True)
        return Answer(200, {"@odata.context": where, **show(user, DEFAULT)})

    def _additions(self, user: User, items: object) -> dict[str, Grant]:
        grants: dict[str, Grant] = {}
        for item in items if isinstance(items, list) else []:
            sku_id = _sku_id(item.get("skuId") if isinstance(item, dict) else None)
            disabled = item.get("disabledPlans") or []
            known = {plan.id for plan in SKUS[sku_id].plans}
            if not isinstance(disabled, list) or not set(map(str, disabled)) <= known:
                raise _refuse(f"License {sku_id} does not have all the service plans to disable.")
            used = self._tenant.directory.consumed[sku_id]
            if sku_id not in user.grants and used >= self._tenant.prepaid[sku_id]:
                raise _refuse(
                    f"Subscription with SKU {sku_id} does not have any available licenses."
                )
            grants[sku_id] = Grant(frozenset(map(str, disabled)))
        return grants


def _removals(user: User, items: object) -> set[str]:
    removals: set[str] = set()
    for item in items if isinstance(items, list) else []:
        sku_id = _sku_id(item)
        if sku_id not in user.grants:
            raise _refuse("User does not have a corresponding license.")
        removals.add(sku_id)
    return removals


def _sku_id(value: object) -> str:
    sku_id = str(value).lower()
    if sku_id not in SKUS:
        raise _refuse(f"License {value} does not correspond to a valid company License.")
    return sku_id


def _refuse(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)
