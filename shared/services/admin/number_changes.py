"""Dial-in numbers before and after a move: the saved entries, and what Teams shows now."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import batched
from typing import Final

from shared.concurrency import gather_bounded
from shared.domain.outcome import Outcome, UserResult
from shared.domain.saved import replaced_by
from shared.domain.user import ProviderEntry, deciding_entry
from shared.errors import ServiceError
from shared.services.ports import Conferencing, ReplacedProviders

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A user's result with the old and the current default entry (None: unknown).

    complete: False where the current one could not be read.
    """

    result: UserResult
    before: ProviderEntry | None = None
    after: ProviderEntry | None = None
    complete: bool = True


class NumberChanges:
    """Looks up both entries of changed users: one call to Teams and one table query per user."""

    def __init__(self, conferencing: Conferencing, replaced: ReplacedProviders) -> None:
        self._conferencing = conferencing
        self._replaced = replaced

    async def of(self, results: Iterable[UserResult]) -> AsyncIterator[NumberChange]:
        """Yield each result with its numbers, in order; numbers that cannot be read stay unknown."""
        for some in batched(results, _AT_ONCE, strict=False):
            for change in await gather_bounded((self._look(each) for each in some), _AT_ONCE):
                yield change

    async def _look(self, result: UserResult) -> NumberChange:
        if result.outcome not in (Outcome.MOVED, Outcome.BRIDGE_CHANGED):
            return NumberChange(result)
        saved = replaced_by(result, await self._replaced.of(result.user_id))
        before = deciding_entry(saved.entries) if saved else None
        try:
            user = await self._conferencing.user(result.user_id)
        except ServiceError:
            return NumberChange(result, before, complete=False)
        now = user.provider if user else None
        # A third party's entry came after the move: it is no number that the move gave.
        return NumberChange(result, before, now if now and now.is_microsoft else None)
