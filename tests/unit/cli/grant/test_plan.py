"""What is missing, what is too much, and what is done about it."""

import pytest

from cli.grant.models import AppRole, AppRoleAssignment, Principal, Role, RoleAssignment
from cli.grant.needs import GROUPS, USERS, Need
from cli.grant.plan import Work, choose, permission_items, role_items
from shared.errors import NoSuchItemError
from tests.fakes import guid

OTHER_API = guid(71)
NEEDS = (Need(USERS, "users"), Need(GROUPS, "groups"))
GRAPH = Principal(
    id=guid(70),
    appId=guid(72),
    appRoles=[
        AppRole(id=guid(number), value=value, allowedMemberTypes=kinds, isEnabled=enabled)
        for number, value, kinds, enabled in (
            (1, USERS, ["Application"], True),
            (2, GROUPS, ["User", "Application"], True),
            (3, "Mail.Send", ["Application"], True),
            (4, "People.Only", ["User"], True),
            (5, "Gone", ["Application"], False),
        )
    ],
)
TEAMS = Role(id=guid(20), displayName="Teams Administrator", templateId=guid(21))
ROLES = [TEAMS, Role(id=guid(22), displayName="Global Reader", templateId=guid(22))]


def held(*numbers: int, api: str = GRAPH.id) -> list[AppRoleAssignment]:
    """Assignments of these permissions, with an id made of the number."""
    return [
        AppRoleAssignment(id=f"a{number}", appRoleId=guid(number), resourceId=api)
        for number in numbers
    ]


def given(number: int, scope: str | None = "/") -> RoleAssignment:
    """An assignment of a directory role."""
    return RoleAssignment(id=f"r{number}", roleDefinitionId=guid(number), directoryScopeId=scope)


@pytest.mark.parametrize(
    ("has", "revoke", "works"),
    [
        ([], False, [Work.GRANT, Work.GRANT]),
        (held(1), False, [Work.NOTHING, Work.GRANT]),
        (held(1, 2), False, [Work.NOTHING, Work.NOTHING]),
        (held(1, 2), True, [Work.NOTHING, Work.NOTHING]),
        (held(1, 2, 3), False, [Work.NOTHING, Work.NOTHING, Work.REMARK]),
        (held(1, 2, 3), True, [Work.NOTHING, Work.NOTHING, Work.REVOKE]),
        (held(3, 99), True, [Work.GRANT, Work.GRANT, Work.REVOKE, Work.REVOKE]),
        (held(1, api=OTHER_API), True, [Work.GRANT, Work.GRANT]),
    ],
)
def test_permissions(has: list[AppRoleAssignment], revoke: bool, works: list[Work]) -> None:
    """Missing ones are granted, others reported or revoked, those of other APIs left alone."""
    items = permission_items(NEEDS, GRAPH, has, revoke=revoke)
    assert [item.work for item in items] == works


def test_an_item_names_what_to_send() -> None:
    """To grant: the permission's id; to revoke: the assignment's id and the permission's name."""
    items = permission_items(NEEDS[:1], GRAPH, held(3), revoke=True)
    assert [(item.part, item.id) for item in items] == [
        (f"Graph permission {USERS}", guid(1)),
        ("Graph permission Mail.Send", "a3"),
    ]


@pytest.mark.parametrize("name", ["People.Only", "Gone", "Nothing.Like.It"])
def test_a_permission_that_graph_does_not_offer_to_apps(name: str) -> None:
    """It is named; nothing else is granted in its place."""
    with pytest.raises(NoSuchItemError, match=name):
        permission_items([Need(name, "")], GRAPH, [], revoke=False)


@pytest.mark.parametrize(
    ("has", "works"),
    [
        ([], [Work.ASSIGN]),
        ([given(20)], [Work.NOTHING]),
        ([given(20, "/administrativeUnits/x")], [Work.ASSIGN, Work.REMARK]),
        ([given(20, None)], [Work.ASSIGN, Work.REMARK]),
        ([given(22), given(20)], [Work.NOTHING, Work.REMARK]),
        ([given(99)], [Work.ASSIGN, Work.REMARK]),
    ],
)
def test_roles(has: list[RoleAssignment], works: list[Work]) -> None:
    """The role counts for the whole tenant only; others are reported, never taken away."""
    assert [item.work for item in role_items(TEAMS, ROLES, has)] == works


@pytest.mark.parametrize("wanted", ["teams administrator", guid(20), guid(21).upper()])
def test_a_role_is_chosen(wanted: str) -> None:
    """By name, whatever its case, by id, or by template id."""
    assert choose(ROLES, wanted) is TEAMS


def test_a_misspelled_role_is_guessed() -> None:
    """The nearest name is told."""
    with pytest.raises(NoSuchItemError, match="did you mean 'Teams Administrator'"):
        choose(ROLES, "Team Administrator")
