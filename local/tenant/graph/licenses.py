"""License assignment: assign, remove, reprocess.

Sources: https://learn.microsoft.com/graph/api/user-assignlicense,
.../user-reprocesslicenseassignment
"""

from local.tenant.directory.catalog import SKUS
from local.tenant.directory.people import Grant, User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.shapes import DEFAULT, context, show
from local.tenant.graph.users import find_user
from local.tenant.graph.writes import read_object
from local.tenant.tenant import Tenant


class GraphLicenses:
    """The license operations below `/users/{id}`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

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
        add = _additions(body["addLicenses"])
        remove = _removals(user, body["removeLicenses"])
        if add and user.usage_location is None:
            raise _refuse("License assignment cannot be done for user with invalid usage location.")
        self._tenant.license(user, add, remove)
        return self._show(call, user)

    def reprocess(self, call: Call) -> Answer:
        """Reprocess the user's license assignments."""
        user = find_user(self._tenant, call.params["id"])
        self._tenant.provisioning.reprocess(user)
        return self._show(call, user)

    def _show(self, call: Call, user: User) -> Answer:
        where = context(call.base, DEFAULT, selected=False, entity=True)
        return Answer(200, {"@odata.context": where, **show(user, DEFAULT)})


def _additions(items: object) -> dict[str, Grant]:
    grants: dict[str, Grant] = {}
    for item in items if isinstance(items, list) else []:
        sku_id = _sku_id(item.get("skuId") if isinstance(item, dict) else None)
        disabled = item.get("disabledPlans") or []
        known = {plan.id for plan in SKUS[sku_id].plans}
        if not isinstance(disabled, list) or not set(map(str, disabled)) <= known:
            raise _refuse(f"License {sku_id} does not have all the service plans to disable.")
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
