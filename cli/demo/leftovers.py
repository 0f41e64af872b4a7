"""What `acp demo --keep` leaves to do: a dozen users to move, and the sweep that found them, held."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.demo.calls import Control
from cli.demo.summary import Evidence, TenantUser

if TYPE_CHECKING:
    from cli.demo.system import DemoSystem

Chosen = tuple[TenantUser, str]

_DOZEN: Final = 12
_LIMIT: Final = "ACP_GUARD_MAX_MOVES"


def choose(evidence: Evidence) -> list[Chosen]:
    """Return up to a dozen users whom the app moved, each with the third party that it replaced."""
    born = {user.id: user.provider for user in evidence.before}
    users = [user for user in evidence.replaced if user.candidate and user.on_microsoft]
    return [(user, str(born[user.id])) for user in users[:_DOZEN]]


def prepare(system: "DemoSystem", chosen: Sequence[Chosen]) -> None:
    """Put the users back as a script of somebody else would, and let a sweep find and hold them."""
    usual = system.host.settings[_LIMIT]
    system.host.stop()
    system.host.start(**{_LIMIT: "1"})
    asyncio.run(_prepare(system, chosen))
    system.host.stop()
    system.host.start(**{_LIMIT: usual})


async def _prepare(system: "DemoSystem", chosen: Sequence[Chosen]) -> None:
    async with Control(system.tenant.origin) as control:
        control.found_host(system.host.origin)
        for user, provider in chosen:
            await control.set_provider(user, provider)
        await control.run_function("sweep_providers")
