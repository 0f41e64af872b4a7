"""Group memberships of users, for the groups in the settings; fails closed if they are unknown.

Graph omits a group that does not exist, or whose members are hidden, from its answer, as if the user
were not in it. That must not void an exclusion: the excluded groups are checked first, and again
every ten minutes.

Sources: "user: checkMemberGroups" (transitive; at most 20 groups a call; groups with hidden membership
may be left out), "group resource type" (visibility).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.clients import wire
from shared.clients.graph_batch import Batches, check_subject
from shared.clients.graph_models import Group, GroupIds
from shared.clock import Clock
from shared.domain.user import DirectoryUser
from shared.errors import NotFoundError, RejectedError, ServiceError, SettingsError

_TRUSTED_SECONDS: Final = 600.0
_HIDDEN: Final = "hiddenmembership"


class GraphGroups:
    """Reads memberships. groups: object ids, at most 20; excluded: those that must be readable."""

    def __init__(
        self, batches: Batches, clock: Clock, groups: Sequence[str], excluded: Collection[str]
    ) -> None:
        self._batches = batches
        self._clock = clock
        self._groups = list(groups)
        self._excluded = sorted(excluded)
        self._trusted_until = float("-inf")

    async def of(
        self, found: Mapping[str, DirectoryUser | ServiceError]
    ) -> dict[str, DirectoryUser | ServiceError]:
        """Return the same, licensed users with their groups; if a check fails, the user is an error.

        SettingsError: an excluded group does not exist or hides its members.
        """
        licensed = {
            name: user
            for name, user in found.items()
            if isinstance(user, DirectoryUser) and user.licensed
        }
        if not licensed:
            return dict(found)
        await self._check_excluded()
        questions = {
            name: {
                "method": "POST",
                "url": wire.CHECK_GROUPS.path(id=user.id).removeprefix("/v1.0"),
                "headers": {"Content-Type": "application/json"},
                "body": {"groupIds": self._groups},
            }
            for name, user in licensed.items()
        }
        answers = await self._batches.ask(questions, self._read_memberships)
        known = {name: _with_groups(licensed[name], answer) for name, answer in answers.items()}
        return {**found, **known}

    def _read_memberships(self, _: str, body: bytes) -> GroupIds:
        found = GroupIds.model_validate_json(body)
        check_subject(right=set(self._groups).issuperset(found.value))
        return found

    async def _check_excluded(self) -> None:
        if self._clock.monotonic() < self._trusted_until:
            return
        questions = {
            group: {
                "method": "GET",
                "url": wire.GET_GROUP.path(id=group).removeprefix("/v1.0")
                + "?$select=id,visibility",
            }
            for group in self._excluded
        }
        answers = await self._batches.ask(questions, _read_group) if questions else {}
        for group, answer in answers.items():
            if isinstance(answer, NotFoundError):
                raise unknown_group(group)
            if isinstance(answer, ServiceError):
                raise answer
            if (answer.visibility or "").casefold() == _HIDDEN:
                raise SettingsError(
                    f"the excluded group {group} hides its members, so it excludes no users"
                )
        self._trusted_until = self._clock.monotonic() + _TRUSTED_SECONDS


def _read_group(asked: str, body: bytes) -> Group:
    group = Group.model_validate_json(body)
    check_subject(right=group.id == asked)
    return group


def unknown_group(group: str) -> SettingsError:
    """Return the error for a group in the settings that does not exist."""
    return SettingsError(f"the directory knows no group {group}, which the settings name")


def _with_groups(
    user: DirectoryUser, answer: GroupIds | ServiceError
) -> DirectoryUser | ServiceError:
    if isinstance(answer, NotFoundError):
        # Not "no such user": the directory has just returned the user.
        return RejectedError("Graph", str(wire.CHECK_GROUPS), answer.detail, answer.code, 404)
    if isinstance(answer, ServiceError):
        return answer
    return replace(user, groups=frozenset(answer.value))
