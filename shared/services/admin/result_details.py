"""Results of a run with what people ask next: who it is, and the numbers before and after."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

from shared.concurrency import gather_bounded, grouped
from shared.domain.outcome import UserResult
from shared.domain.roster import RosterEntry
from shared.errors import StorageError
from shared.services.admin.number_changes import NumberChange, NumberChanges
from shared.services.ports import Roster
from shared.services.sweeping.survey import is_guid

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class ResultDetail:
    """A result with its numbers, and what was last seen of the user (None: nothing).

    complete: False where a table or Teams could not be read, so that numbers or names may be missing.
    """

    change: NumberChange
    seen: RosterEntry | None = None
    complete: bool = True

    @property
    def result(self) -> UserResult:
        """The result itself."""
        return self.change.result


class ResultDetails:
    """Looks results up: one row of the roster each, and for moved users their numbers."""

    def __init__(self, changes: NumberChanges, roster: Roster) -> None:
        self._changes = changes
        self._roster = roster

    async def of(
        self, results: AsyncIterable[UserResult] | Iterable[UserResult]
    ) -> AsyncIterator[ResultDetail]:
        """Yield each result with its details, in order and in constant memory."""
        async for some in grouped(_each(results), _AT_ONCE):
            for detail in await gather_bounded(map(self._look, some), _AT_ONCE):
                yield detail

    async def _look(self, result: UserResult) -> ResultDetail:
        """Return the details of a result: it is shown even where they cannot be read."""
        change, seen = NumberChange(result), None
        try:
            if is_guid(result.user_id):  # else it is a name that was not found
                seen = await self._roster.of(result.user_id)
            async for found in self._changes.of([result]):
                change = found
        except StorageError:
            return ResultDetail(change, seen, complete=False)
        return ResultDetail(change, seen, complete=change.complete)


async def _each(
    results: AsyncIterable[UserResult] | Iterable[UserResult],
) -> AsyncIterator[UserResult]:
    if isinstance(results, AsyncIterable):
        async for result in results:
            yield result
    else:
        for result in results:
            yield result
