"""Whether two sets of settings protect the same users: the app's, and those of a command line."""

from collections.abc import Mapping

from shared.errors import UnreadableRowError
from shared.services.ports import State


class Protection:
    """Remembers what protects (mode, exclusions, limits), each setting as a digest.

    settings: by name of the setting, a text that is the same only for the same value.
    """

    def __init__(self, state: State, settings: Mapping[str, str]) -> None:
        self._state = state
        self._settings = settings

    async def remember(self) -> None:
        """Store the settings of this process: it is the deployed app."""
        try:
            known = await self._state.protection()
        except UnreadableRowError:
            known = None
        if known != self._settings:
            await self._state.save_protection(self._settings)

    async def differences(self) -> list[str] | None:
        """Return the names of the settings that the app has otherwise; None: it stored none yet."""
        known = await self._state.protection()
        if known is None:
            return None
        return [name for name, value in self._settings.items() if known.get(name) != value]
