"""Groups: made through Graph, with users and other groups as members, and asked who is in them.

Sources: https://learn.microsoft.com/graph/api/group-post-groups, .../group-post-members,
.../group-list-transitivemembers, .../user-checkmembergroups
"""

import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.shapes import context, read_select, show
from local.tenant.graph.users import check_page_token, find_user, not_found, page_size, read_after
from local.tenant.graph.writes import read_object
from local.tenant.opaque import pack
from local.tenant.tenant import Tenant

MOST_AT_ONCE = 20
_REFERENCE = re.compile(r"/(?:directoryObjects|users|groups)/([0-9a-fA-F-]{36})$")


@dataclass(slots=True)
class Group:
    """A security group. `members`: ids of users and of groups.

    `visibility`: None, or `HiddenMembership`: then nobody without a permission of its own sees who is
    in it, and checks leave the group out.
    """

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    visibility: str | None = None

    def as_json(self) -> dict[str, object]:
        """The group as Graph shows it."""
        return {
            "id": self.id,
            "displayName": self.name,
            "groupTypes": [],
            "mailEnabled": False,
            "securityEnabled": True,
            "visibility": self.visibility,
        }


class GraphGroups:
    """`/groups` and `/users/{id}/checkMemberGroups`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._groups: dict[str, Group] = {}

    def create(self, call: Call) -> Answer:
        """A new group, with members where `members@odata.bind` names some."""
        body = read_object(call)
        for name in ("displayName", "mailEnabled", "mailNickname", "securityEnabled"):
            if body.get(name) is None:
                raise GraphError(
                    400, "Request_BadRequest", f"A value is required for property '{name}'."
                )
        references = body.get("members@odata.bind") or []
        if not isinstance(references, list):
            raise GraphError(400, "BadRequest", "members@odata.bind must be an array.")
        members = [self._member(reference) for reference in references]
        visibility = body.get("visibility")
        if visibility not in (None, "Public", "Private", "HiddenMembership"):
            raise GraphError(400, "Request_BadRequest", "visibility has no such value.")
        group = Group(
            self._tenant.new_id(),
            str(body["displayName"]),
            members,
            str(visibility) if visibility else None,
        )
        self._groups[group.id] = group
        where = f"{call.base}/v1.0/$metadata#groups/$entity"
        return Answer(201, {"@odata.context": where, **group.as_json()})

    def get(self, call: Call) -> Answer:
        """One group."""
        where = f"{call.base}/v1.0/$metadata#groups/$entity"
        return Answer(200, {"@odata.context": where, **self._find(call).as_json()})

    def add_member(self, call: Call) -> Answer:
        """A user or group becomes a member; 204."""
        group = self._find(call)
        member = self._member(read_object(call).get("@odata.id"))
        if member in group.members:
            raise GraphError(
                400,
                "Request_BadRequest",
                "One or more added object references already exist for the following modified "
                "properties: 'members'.",
            )
        group.members.append(member)
        return Answer(204)

    def transitive_users(self, call: Call) -> Answer:
        """A page of the users in a group, also through other groups."""
        group = self._find(call)
        counted = call.query.get("$count", "").lower() == "true"
        if call.headers.get("consistencylevel", "").lower() != "eventual" or not counted:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                "Unsupported query: an OData cast needs the header ConsistencyLevel: eventual and "
                "the query parameter $count=true.",
            )
        check_page_token(self._tenant, call, eventual=True)
        selected = read_select(call.query.get("$select"))
        size = page_size(call.query.get("$top"))
        users = sorted(self._users_in(group), key=lambda user: user.index)
        left = [u for u in users if u.index > read_after(call.query.get("$skiptoken"))]
        where = context(call.base, selected, selected="$select" in call.query)
        body: dict[str, object] = {"@odata.context": where}
        if "$skiptoken" not in call.query:
            body["@odata.count"] = len(users)
        if len(left) > size:
            query = {**call.query, "$skiptoken": pack({"after": left[size - 1].index})}
            text = urlencode(query, quote_via=quote, safe="$,")
            body["@odata.nextLink"] = f"{call.base}/v1.0{call.path}?{text}"
        body["value"] = [show(user, selected) for user in left[:size]]
        return Answer(200, body)

    def check(self, call: Call) -> Answer:
        """Which of the groups asked about a user is in, also through other groups."""
        user = find_user(self._tenant, call.params["id"])
        asked = read_object(call).get("groupIds")
        if not isinstance(asked, list) or not 1 <= len(asked) <= MOST_AT_ONCE:
            raise GraphError(
                400, "Request_BadRequest", f"groupIds: 1 to {MOST_AT_ONCE} ids are needed."
            )
        for each in asked:
            try:
                uuid.UUID(str(each))
            except ValueError:
                raise GraphError(
                    400, "Request_BadRequest", f"Invalid object identifier '{each}'."
                ) from None
        found = [str(each).lower() for each in asked if self._holds(str(each).lower(), user)]
        where = f"{call.base}/v1.0/$metadata#Collection(Edm.String)"
        return Answer(200, {"@odata.context": where, "value": found})

    def _holds(self, group_id: str, user: User) -> bool:
        group = self._groups.get(group_id)
        seen = group is not None and group.visibility != "HiddenMembership"
        return seen and group is not None and user in self._users_in(group)

    def _users_in(self, group: Group) -> list[User]:
        found: dict[str, User] = {}
        seen, left = {group.id}, [group]
        while left:
            for member in left.pop().members:
                inner = self._groups.get(member)
                if inner is None and (user := self._tenant.directory.find(member)):
                    found[user.id] = user
                elif inner is not None and inner.id not in seen:
                    seen.add(inner.id)
                    left.append(inner)
        return list(found.values())

    def _member(self, reference: object) -> str:
        match = _REFERENCE.search(str(reference))
        key = match.group(1).lower() if match else ""
        if key not in self._groups and self._tenant.directory.find(key) is None:
            raise not_found(key or str(reference))
        return key

    def _find(self, call: Call) -> Group:
        group = self._groups.get(call.params["id"].lower())
        if group is None:
            raise not_found(call.params["id"])
        return group
