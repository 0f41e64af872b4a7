"""Take users off the list of the held: whoever is settled, cancelled, discarded, or out of date."""

from typing import Final

from shared.domain.outcome import UserResult
from shared.errors import StorageError, UnreadableRowError
from shared.services.ports import HeldUsers, WaitingUsers

_TRIES: Final = 5


class HeldList:
    """The list, with the runs that say of a user `held` and have to be told what became of it."""

    def __init__(self, held: HeldUsers, waiting: WaitingUsers) -> None:
        self._held = held
        self._waiting = waiting

    async def remove(self, result: UserResult, run: str | None = None) -> None:
        """Take a user off, if the user is on it. Runs other than `run` will be told the result.

        StorageError: the user is still on it, and no run is told anything wrong.
        """
        for _ in range(_TRIES):
            try:
                known = await self._held.find_held(result.user_id)
            except UnreadableRowError:
                return await self._held.remove_unreadable(result.user_id)
            if known is None:
                return None
            if runs := [each for each in known.runs or (known.run,) if each != run]:
                # First: a crash in between tells them once more.
                await self._waiting.add_settled(result, runs)
            if await self._held.remove_held(known):
                return None
        raise StorageError("write in table held", "others keep writing the user's row")
