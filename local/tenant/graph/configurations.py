"""`/admin/teams/userConfigurations`: the users of Teams, with account type and features.

Sources: "List userConfigurations", "Get teamsUserConfiguration" and "teamsUserConfiguration resource type",
https://learn.microsoft.com/graph/api/resources/teamsadministration-teamsuserconfiguration (fields, the
values of accountType and the header for the last of them). Neither a page size nor $filter's forms are
published: pages are ours, and a filter is refused.
"""

from collections.abc import Callable
from itertools import islice

from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call, Routes, read_names
from local.tenant.graph.users import not_found, page_size, read_after
from local.tenant.opaque import pack
from local.tenant.teams.users import features
from local.tenant.tenant import Tenant

_PATH = "/admin/teams/userConfigurations"
_SUPPORTED = frozenset({"$select", "$top", "$skiptoken"})
_TYPES = {
    "User": "user",
    "ResourceAccount": "resourceAccount",
    "Guest": "guest",
    "SfBOnPremUser": "sfbOnPremUser",
    "IneligibleUser": "ineligibleUser",
    "Unknown": "unknown",
}
_LATER = frozenset({"ineligibleUser"})
"""Values of accountType that are sent only to who asks for members that were added later."""


def _account_type(user: User) -> str:
    return _TYPES.get(user.account_type, "unknown")


_FIELDS: dict[str, Callable[[User], object]] = {
    "id": lambda u: u.id,
    "userPrincipalName": lambda u: u.upn,
    "accountType": _account_type,
    "featureTypes": features,
    "isEnterpriseVoiceEnabled": lambda u: "PhoneSystem" in features(u),
    "createdDateTime": lambda u: u.created,
    "modifiedDateTime": lambda u: u.created,
    "telephoneNumbers": lambda _: (),
    "effectivePolicyAssignments": lambda _: (),
}
_BY_LOWER = {name.lower(): name for name in _FIELDS}


class TeamsConfigurations:
    """The list, page by page, and one user; deleted users are on neither."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def add_to(self, routes: Routes) -> None:
        """Add the addresses; each call counts as one resource unit, for no cost is published."""
        routes.add("GET", _PATH, "list_configurations", self.list_all)
        routes.add("GET", f"{_PATH}/{{id}}", "get_configuration", self.get)

    def list_all(self, call: Call) -> Answer:
        """A page of users, 100 unless `$top` says otherwise, with a link to the next one."""
        for name in call.query:
            if name.startswith("$") and name not in _SUPPORTED:
                raise _bad(f"The query parameter '{name}' is not supported here.")
        size = page_size(call.query.get("$top"))
        names = _read_select(call.query.get("$select"))
        users = self._after(read_after(call.query.get("$skiptoken")), size + 1)
        shown = [self._show(user, names, call) for user in users[:size]]
        body: dict[str, object] = {"@odata.context": _context(call)}
        if len(users) > size:
            token = pack({"after": users[size - 1].index})
            kept = {**call.query, "$skiptoken": token}
            text = "&".join(f"{name}={value}" for name, value in kept.items())
            body["@odata.nextLink"] = f"{call.base}/v1.0{_PATH}?{text}"
        body["value"] = shown
        return Answer(200, body)

    def get(self, call: Call) -> Answer:
        """One user, by id alone."""
        user = self._tenant.directory.find(call.params["id"])
        if user is None or user.id != call.params["id"].lower():
            raise not_found(call.params["id"])
        names = _read_select(call.query.get("$select"))
        where = f"{_context(call)}/$entity"
        return Answer(200, {"@odata.context": where, **self._show(user, names, call)})

    def _after(self, after: int, most: int) -> list[User]:
        everybody = self._tenant.directory.users
        left = (everybody[index] for index in range(after + 1, len(everybody)))
        return list(islice((user for user in left if user.deleted_at is None), most))

    def _show(self, user: User, names: tuple[str, ...], call: Call) -> dict[str, object]:
        seen = self._tenant.seen(user)
        shown = {name: _FIELDS[name](seen) for name in names}
        all_members = "include-unknown-enum-members" in call.headers.get("prefer", "").lower()
        if not all_members and shown.get("accountType") in _LATER:
            shown["accountType"] = "unknownFutureValue"
        return shown


def _context(call: Call) -> str:
    return f"{call.base}/v1.0/$metadata#admin/teams/userConfigurations"


def _read_select(text: str | None) -> tuple[str, ...]:
    return read_names(text, _BY_LOWER, _no_field) if text and text.strip() else tuple(_FIELDS)


def _no_field(name: str) -> GraphError:
    kind = "microsoft.graph.teamsAdministration.teamsUserConfiguration"
    return _bad(f"Could not find a property named '{name}' on type '{kind}'.")


def _bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)
