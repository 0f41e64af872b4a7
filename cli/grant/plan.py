"""Plan of a grant: missing and unneeded permissions, and what to do about them. Pure: no I/O."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cli.grant.models import AppRoleAssignment, Principal, Role, RoleAssignment
from cli.grant.needs import Need
from shared.errors import NoSuchItemError

_TENANT_WIDE = "/"


class Work(StrEnum):
    """Action of one item of a plan."""

    NOTHING = "nothing"
    """It exists."""
    GRANT = "grant"
    ASSIGN = "assign"
    REVOKE = "revoke"
    UPDATE = "update"
    """Change the app registration."""
    TRUST = "trust"
    """Have the app registration trust the identity."""
    REMARK = "remark"
    """It is not needed, and stays until an administrator removes it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One permission, role or part of the app registration.

    id: what to grant or assign, or the assignment to revoke. body: what to write.
    """

    part: str
    work: Work
    detail: str
    id: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The items for an identity, in order.

    graph, application: the object ids of Microsoft Graph and of the app registration ("": none is named).
    """

    identity: Principal
    graph: str
    items: tuple[Item, ...]
    application: str = ""

    @property
    def changes(self) -> tuple[Item, ...]:
        """The items that change something."""
        return tuple(item for item in self.items if item.work not in (Work.NOTHING, Work.REMARK))

    @property
    def grants(self) -> tuple[Item, ...]:
        """Those that need a Privileged Role Administrator; the others need an Application Administrator."""
        return tuple(item for item in self.changes if item.work not in (Work.UPDATE, Work.TRUST))


def choose(roles: Sequence[Role], wanted: str) -> Role:
    """Return the role with this id, template id or name; NoSuchItemError suggests the nearest name."""
    for role in roles:
        if wanted.casefold() in (role.id, role.template_id, role.display_name.casefold()):
            return role
    names = {role.display_name.casefold(): role.display_name for role in roles}
    near = difflib.get_close_matches(wanted.casefold(), names, n=1)
    guess = f"; did you mean {names[near[0]]!r}?" if near else ""
    raise NoSuchItemError(f"--role {wanted!r}: the tenant has no such Entra role{guess}")


def permission_items(
    needs: Sequence[Need], graph: Principal, held: Iterable[AppRoleAssignment], *, revoke: bool
) -> list[Item]:
    """Compare the permissions of Graph that are needed with those that the identity has.

    revoke: unneeded permissions are revoked instead of reported. NoSuchItemError: Graph
    offers no such permission. Permissions of other APIs are ignored.
    """
    offered = {
        role.value: role.id
        for role in graph.app_roles
        if role.value and role.is_enabled and "Application" in role.allowed_member_types
    }
    have = {each.app_role_id: each.id for each in held if each.resource_id == graph.id}
    items = []
    for need in needs:
        if need.optional and offered.get(need.permission) not in have:
            continue
        if need.permission not in offered:
            raise NoSuchItemError(
                f"Microsoft Graph offers no application permission {need.permission} in this cloud"
            )
        there = have.pop(offered[need.permission], None)
        work = Work.GRANT if there is None else Work.NOTHING
        items.append(Item(_part(need.permission), work, need.why, offered[need.permission]))
    names = {role.id: role.value or role.id for role in graph.app_roles}
    for app_role, assignment in have.items():
        work = Work.REVOKE if revoke else Work.REMARK
        detail = "the app does not need it with these settings"
        items.append(Item(_part(names.get(app_role, app_role)), work, detail, assignment))
    return items


def role_items(
    role: Role | None, roles: Sequence[Role], held: Iterable[RoleAssignment]
) -> list[Item]:
    """Compare the directory role that is needed (None: none is) with those that the identity has.

    A role for a part of the tenant does not count. Unneeded roles are reported but never
    removed: only an administrator knows what else they are used for.
    """
    names = {each.id: each.display_name for each in roles}
    items = []
    if role:
        items = [Item(f"Entra role {role.display_name}", Work.ASSIGN, "Teams admin API", role.id)]
    for each in held:
        whole = each.directory_scope_id == _TENANT_WIDE
        if role and each.role_definition_id == role.id and whole:
            items[0] = Item(items[0].part, Work.NOTHING, items[0].detail, role.id)
            continue
        name = names.get(each.role_definition_id, each.role_definition_id)
        where = "" if whole else f" for {each.directory_scope_id}"
        items.append(Item(f"Entra role {name}{where}", Work.REMARK, "the app does not need it"))
    return items


def _part(permission: str) -> str:
    return f"Graph permission {permission}"
