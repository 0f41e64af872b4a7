"""A dry run: what would happen to named users and why. Reads only; nothing is written anywhere."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import batched

from shared.concurrency import gather_bounded
from shared.domain.decision import Decision, Rules, decide, screen
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.domain.outcome import Outcome, UserResult
from shared.domain.user import DirectoryUser
from shared.errors import NotFoundError, ServiceError
from shared.services.ports import Conferencing, Directory
from shared.services.settling import WOULD
from shared.storage.messages import USERS_PER_MESSAGE


class Previewer:
    """Decides for users as the mover would, and leaves it at that."""

    def __init__(self, directory: Directory, conferencing: Conferencing, rules: Rules) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._rules = rules

    async def preview(
        self, names: Iterable[str], options: MoveOptions = DEFAULT_OPTIONS
    ) -> AsyncIterator[UserResult]:
        """Yield what would happen to each of `names` (ids or addresses), in their order.

        ServiceError: Graph did not answer at all; what meets one user is that user's result.
        """
        rules = self._rules.asking(options.service_number, options.toll_free_number)
        for some in batched(names, USERS_PER_MESSAGE, strict=False):
            for result in await self._preview(some, rules):
                yield result

    async def _preview(self, names: Sequence[str], rules: Rules) -> list[UserResult]:
        found = await self._directory.users(names)
        looks = (self._look(name, found[name], rules) for name in names)
        return await gather_bounded(looks, USERS_PER_MESSAGE)

    async def _look(
        self, name: str, found: DirectoryUser | ServiceError, rules: Rules
    ) -> UserResult:
        if isinstance(found, NotFoundError):
            return UserResult(name, Outcome.NOT_FOUND, "the directory does not know the user", name)
        if isinstance(found, ServiceError):
            return UserResult(name, Outcome.FAILED, str(found), name)
        if refused := screen(found, rules):
            return _result(found, refused)
        try:
            service = await self._conferencing.user(found.id)
        except ServiceError as error:
            return UserResult(found.id, Outcome.FAILED, str(error), found.upn)
        decision = decide(found, service, rules)
        old = service.provider.name if service and service.provider else None
        return _result(found, decision, old)


def _result(user: DirectoryUser, decision: Decision, old: str | None = None) -> UserResult:
    return UserResult(
        user.id,
        WOULD[decision.action],
        decision.reason,
        user.upn,
        old_provider=old,
        decision=decision.action,
    )
