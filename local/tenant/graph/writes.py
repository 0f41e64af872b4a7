"""Changing accounts: create, update, delete, restore.

Sources: https://learn.microsoft.com/graph/api/user-post-users, .../user-update, .../user-delete,
.../directory-deleteditems-restore
"""

from collections.abc import Mapping

from local.tenant.clock import stamp
from local.tenant.directory.people import Kind, User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.shapes import DEFAULT, context, show
from local.tenant.graph.users import find_user, not_found
from local.tenant.tenant import Tenant

_CHANGEABLE: dict[str, tuple[str, tuple[type, ...]]] = {
    "accountEnabled": ("account_enabled", (bool,)),
    "displayName": ("display_name", (str,)),
    "givenName": ("given_name", (str, type(None))),
    "surname": ("surname", (str, type(None))),
    "usageLocation": ("usage_location", (str, type(None))),
}
_NEEDED = ("accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName")


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
    """POST /users, PATCH and DELETE /users/{id}, and the deleted items."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def create(self, call: Call) -> Answer:
        """A new account, without a license."""
        body = read_object(call)
        for name in _NEEDED:
            if body.get(name) is None:
                raise _invalid(name)
        changes = _changes({n: body[n] for n in _CHANGEABLE if n in body})
        upn = str(body["userPrincipalName"])
        if "@" not in upn:
            raise _invalid("userPrincipalName")
        if self._tenant.directory.find(upn):
            raise GraphError(
                400,
                "Request_BadRequest",
                "Another object with the same value for property userPrincipalName already exists.",
            )
        draft = User(
            index=-1,
            id=self._tenant.new_id(),
            upn=upn,
            display_name=str(body["displayName"]),
            given_name=None,
            surname=None,
            kind=Kind.CREATED,
            account_type="User",
            user_type="Member",
            usage_location=None,
            created=stamp(self._tenant.clock.now()),
        )
        _apply(draft, changes)
        user = self._tenant.create(draft)
        where = context(call.base, DEFAULT, selected=False, entity=True)
        location = {"Location": f"{call.base}/v1.0/users/{user.id}"}
        return Answer(201, {"@odata.context": where, **show(user, DEFAULT)}, location)

    def update(self, call: Call) -> Answer:
        """Change the properties given; 204 without a body."""
        user = find_user(self._tenant, call.params["id"])
        changes = _changes(read_object(call))
        self._tenant.remember(user)
        _apply(user, changes)
        self._tenant.directory.touch(user)
        return Answer(204)

    def delete(self, call: Call) -> Answer:
        """Move the account to the deleted items."""
        user = find_user(self._tenant, call.params["id"])
        self._tenant.directory.soft_delete(user, self._tenant.clock.now())
        return Answer(204)

    def restore(self, call: Call) -> Answer:
        """Bring an account back from the deleted items."""
        user = self._deleted(call)
        self._tenant.directory.restore(user)
        self._tenant.provisioning.license_changed(user)
        where = f"{call.base}/v1.0/$metadata#directoryObjects/$entity"
        kind = {"@odata.type": "#microsoft.graph.user"}
        return Answer(200, {"@odata.context": where, **kind, **show(user, DEFAULT)})

    def purge(self, call: Call) -> Answer:
        """Delete an account for good."""
        self._tenant.directory.purge(self._deleted(call))
        return Answer(204)

    def _deleted(self, call: Call) -> User:
        user = self._tenant.directory.find(call.params["id"], deleted=True)
        if user is None or user.deleted_at is None:
            raise not_found(call.params["id"])
        return user


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
