"""Whether a command line protects the same users as the deployed app."""

from collections.abc import Mapping

from shared.services.upkeep.protection import Protection
from tests.fakes import FakeState

APP = {"ACP_MODE": "a", "ACP_EXCLUDED_USERS": "b"}


async def test_differences_are_named() -> None:
    """None before the app ran; nothing where all is equal; else the names of the settings."""
    state = FakeState()
    here = Protection(state, {**APP, "ACP_EXCLUDED_USERS": "c", "ACP_NEW": "d"})
    assert await here.differences() is None
    await Protection(state, APP).remember()
    assert state.protecting == APP
    assert await Protection(state, APP).differences() == []
    assert await here.differences() == ["ACP_EXCLUDED_USERS", "ACP_NEW"]


async def test_what_is_known_is_not_written_again() -> None:
    """The app remembers hourly; only a change is a write."""

    class Counting(FakeState):
        writes = 0

        async def save_protection(self, settings: Mapping[str, str]) -> None:
            self.writes += 1
            await super().save_protection(settings)

    state = Counting()
    for settings in (APP, APP, {**APP, "ACP_MODE": "x"}):
        await Protection(state, settings).remember()
    assert (state.writes, state.protecting) == (2, {**APP, "ACP_MODE": "x"})
