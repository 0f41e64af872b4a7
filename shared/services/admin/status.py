"""Status: what the app may do now, and who waits for what. Counts alone, read from storage."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from shared.domain.pause import Pause
from shared.domain.run import Mode
from shared.services.ports import HeldUsers, State, WaitingUsers
from shared.services.upkeep.capabilities import CapabilityReader


@dataclass(frozen=True, slots=True)
class Status:
    """mode: of the app. held_runs, held_users: whom the guard holds. waiting, attention: users.

    capabilities: what is known of the service, for people.
    """

    mode: Mode
    paused: Pause | None
    held_runs: int
    held_users: int
    waiting: int
    attention: int
    capabilities: Mapping[str, str]


class StatusReader:
    """Reads the status."""

    def __init__(
        self,
        state: State,
        held: HeldUsers,
        waiting: WaitingUsers,
        capabilities: CapabilityReader,
        mode: Mode,
    ) -> None:
        self._state = state
        self._held = held
        self._waiting = waiting
        self._capabilities = capabilities
        self._mode = mode

    async def read(self) -> Status:
        """Return the status. StorageError: the storage does not answer."""
        runs: set[str] = set()
        users = 0
        async for each in self._held.held():
            if not each.released:
                runs.add(each.run)
                users += 1
        return Status(
            self._mode,
            await self._state.pause(),
            len(runs),
            users,
            await _count(self._waiting.waiting()),
            await _count(self._waiting.attention()),
            await self._capabilities.shown(),
        )


async def _count(rows: AsyncIterator[object]) -> int:
    count = 0
    async for _ in rows:
        count += 1
    return count
