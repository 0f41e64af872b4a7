"""Changing accounts: update, delete, delete for good.

Sources: https://learn.microsoft.com/graph/api/user-update, .../user-delete,
.../directory-deleteditems-delete
"""

from collections.abc import Mapping

from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.users import find_user, not_found
from local.tenant.tenant import Tenant

_CHANGEABLE: dict[str, tuple[str, tuple[type, ...]]] = {
    "accountEnabled": ("account_enabled", (bool,)),
    "displayName": ("display_name", (str,)),
    "mail": ("mail", (str, type(None))),
    "givenName": ("given_name", (str, type(None))),
    "surname": ("surname", (str, type(None))),
    "usageLocation": ("usage_location", (str, type(None))),
    "userPrincipalName": ("upn", (str,)),
}


def read_object(call: Call) -> dict[str, object]:
    """The body as a JSON object; raises GraphError BadRequest."""
    try:
        body = call.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
    return body


class GraphWrites:
    """PATCH and DELETE /users/{id}, and the deleted items."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def update(self, call: Call) -> Answer:
        """Change the properties given; 204 without a body."""
        user = find_user(self._tenant, call.params["id"])
        changes = _changes(read_object(call))
        other = self._tenant.directory.find(str(changes.get("upn", "")))
        if other is not None and other is not user:
            raise GraphError(
                400,
                "Request_BadRequest",
                "Another object with the same value for property userPrincipalName already exists.",
            )
        self._tenant.remember(user)
        if "upn" in changes:
            self._tenant.directory.rename(user, str(changes.pop("upn")))
        if "mail" in changes:
            mail = changes.pop("mail")
            self._tenant.directory.readdress(user, None if mail is None else str(mail))
        _apply(user, changes)
        self._tenant.directory.touch(user)
        return Answer(204)

    def delete(self, call: Call) -> Answer:
        """Move the account to the deleted items."""
        user = find_user(self._tenant, call.params["id"])
        self._tenant.directory.soft_delete(user, self._tenant.clock.now())
        return Answer(204)

    def purge(self, call: Call) -> Answer:
        """Delete an account for good."""
        user = self._tenant.directory.find(call.params["id"], deleted=True)
        if user is None or user.deleted_at is None:
            raise not_found(call.params["id"])
        self._tenant.directory.purge(user)
        return Answer(204)


def _invalid(name: str) -> GraphError:
    return GraphError(
        400, "Request_BadRequest", f"Invalid value specified for property '{name}' of resource "
        "'User'."
    )  # fmt: skip


def _changes(body: Mapping[str, object]) -> dict[str, object]:
    """The attributes to set; refused as a whole when one of them is unknown or of a wrong type."""
    changes: dict[str, object] = {}
    for name, value in body.items():
        if name.startswith("@odata."):  # Microsoft's SDKs annotate every object they send
            continue
        if name not in _CHANGEABLE:
            raise _invalid(name)
        attribute, kinds = _CHANGEABLE[name]
        country = name == "usageLocation" and value is not None
        if not isinstance(value, kinds) or (country and not _is_country(value)):
            raise _invalid(name)
        changes[attribute] = value
    return changes


def _is_country(value: object) -> bool:
    return isinstance(value, str) and len(value) == 2 and value.isalpha() and value.isupper()  # noqa: PLR2004 - ISO 3166 alpha-2


def _apply(user: User, changes: Mapping[str, object]) -> None:
    for attribute, value in changes.items():
        setattr(user, attribute, value)
