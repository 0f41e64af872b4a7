"""Dry run: what would happen to named users and why. Reads only; writes nothing."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from itertools import batched

from shared.concurrency import gather_bounded
from shared.domain.decision import Rules
from shared.domain.messages import USERS_PER_MESSAGE
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions, OwnNumbers
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser
from shared.errors import ServiceError
from shared.services.moving.assess import assess, not_assessed
from shared.services.ports import Conferencing, Directory, RuleSource


class Previewer:
    """Decides for users as the mover would, without carrying anything out."""

    def __init__(self, directory: Directory, conferencing: Conferencing, rules: RuleSource) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._rules = rules

    async def preview(
        self, names: Iterable[str], options: MoveOptions = DEFAULT_OPTIONS
    ) -> AsyncIterator[UserResult]:
        """Yield the result that each user of `names` (ids or addresses) would have, in their order.

        A user who is named twice, by id and by address, has one result. ServiceError: Graph did not answer
        at all; an error of one user is that user's result.
        """
        rules = await self._rules.current(options)
        seen: set[str] = set()
        for some in batched(names, USERS_PER_MESSAGE, strict=False):
            for result in await self._preview(some, rules, options):
                if result.user_id not in seen:
                    seen.add(result.user_id)
                    yield result

    async def _preview(
        self, names: Sequence[str], rules: Rules, options: MoveOptions
    ) -> list[UserResult]:
        found = await self._directory.users(names)
        return await gather_bounded(
            (
                self._preview_one(name, found[name], rules, options.own_numbers.get(name.lower()))
                for name in names
            ),
            USERS_PER_MESSAGE,
        )

    async def _preview_one(
        self,
        name: str,
        found: DirectoryUser | ServiceError,
        rules: Rules,
        own: OwnNumbers | None,
    ) -> UserResult:
        if isinstance(found, ServiceError):
            return not_assessed(name, found)
        try:
            its = rules.with_numbers(own.toll, own.toll_free) if own else rules
            assessment = await assess(found, self._conferencing, its)
        except ServiceError as error:
            return UserResult(found.id, Outcome.FAILED, str(error), found.upn)
        result = assessment.preview()
        if own and assessment.decision.action.changes_tenant:
            return replace(result, reason=f"{result.reason}; {own}")
        return result
