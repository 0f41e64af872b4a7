"""What `acp demo --keep` leaves to do: users to move, held by a sweep, and users who need attention."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.demo.calls import Control
from cli.demo.summary import Evidence, TenantUser
from shared.settings.settings import Settings

if TYPE_CHECKING:
    from cli.demo.system import DemoSystem

Chosen = tuple[TenantUser, str]

_READY: Final = 12
_TROUBLED: Final = 2
_SETTINGS: Final = {"ACP_GUARD_MAX_MOVES": "1", "ACP_MAX_FAILURES": "1"}
"""So that a sweep is held, and one failed attempt is enough to need attention."""
_FAULTS: Final = {"set_refused": 1.0}
_LIMIT_SECONDS: Final = 60
_PAUSE: Final = 0.25


def choose(evidence: Evidence) -> list[Chosen]:
    """Return up to fourteen users who came from a third party, each with that one, by name."""
    born = {user.id: str(user.provider) for user in evidence.before if user.third_party}
    users = [
        user for user in evidence.after if user.id in born and user.candidate and user.on_microsoft
    ]
    users.sort(key=lambda user: user.name)
    return [(user, born[user.id]) for user in users[: _READY + _TROUBLED]]


def prepare(system: "DemoSystem", chosen: Sequence[Chosen]) -> None:
    """Put the users back as a script of somebody else would; two of them need attention, the rest is held."""
    usual = {
        "ACP_GUARD_MAX_MOVES": system.host.settings["ACP_GUARD_MAX_MOVES"],
        "ACP_MAX_FAILURES": str(Settings.model_fields["max_failures"].default),
    }
    system.host.stop()
    system.host.start(**_SETTINGS)
    asyncio.run(_prepare(system, chosen))
    system.host.stop()
    system.host.start(**usual)


async def _prepare(system: "DemoSystem", chosen: Sequence[Chosen]) -> None:
    async with Control(system.tenant.origin) as control:
        control.found_host(system.host.origin)
        for user, provider in chosen[:_READY]:
            await control.set_provider(user, provider)
        await control.run_function("sweep_providers")
        for user, provider in chosen[_READY:]:
            await control.set_provider(user, provider)
        if troubled := [user for user, _ in chosen[_READY:]]:
            await control.suffer(**_FAULTS)
            await _ended(control, await control.move(troubled))
            await control.suffer()


async def _ended(control: Control, run: str) -> None:
    """Wait for the end of a run."""
    async with asyncio.timeout(_LIMIT_SECONDS):
        while await control.run_state(run) != "finished":  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(_PAUSE)
