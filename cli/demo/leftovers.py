"""What `acp demo --keep` leaves to do: users to move, a held sweep, and two who need attention."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.demo.calls import Control
from cli.demo.summary import Evidence, TenantUser
from cli.errors import CommandError

if TYPE_CHECKING:
    from cli.demo.system import DemoSystem

Chosen = tuple[TenantUser, str]

_DOZEN: Final = 12
_FAILING: Final = 2
_NOT_DONE: Final = {"set_succeeds_but_did_not": 1.0}
_LIMIT: Final = 60.0
_STRICT: Final = {"ACP_GUARD_MAX_MOVES": str(_FAILING), "ACP_MAX_FAILURES": "1"}
"""The next sweep is held, and who fails once needs attention."""
_USUAL: Final = {"ACP_GUARD_MAX_MOVES": "1000000", "ACP_MAX_FAILURES": "6"}


def choose(evidence: Evidence) -> list[Chosen]:
    """Return up to 14 users whom the app moved, each with the third party that it replaced."""
    born = {user.id: user.provider for user in evidence.before}
    users = [user for user in evidence.replaced if user.candidate and user.on_microsoft]
    return [(user, str(born[user.id])) for user in users[: _DOZEN + _FAILING]]


def prepare(system: "DemoSystem", chosen: Sequence[Chosen]) -> None:
    """Put the users back as a script of somebody else would, and let the app find them.

    CommandError: the app did not come to the state that is left.
    """
    system.host.stop()
    system.host.start(**_STRICT)
    asyncio.run(_prepare(system, chosen))
    system.host.stop()
    system.host.start(**_USUAL)


async def _prepare(system: "DemoSystem", chosen: Sequence[Chosen]) -> None:
    failing = [user for user, _ in chosen[_DOZEN:]]
    async with Control(system.tenant.origin) as control:
        control.found_host(system.host.origin)
        for user, provider in chosen:
            await control.set_provider(user, provider)
        if failing:
            await control.set_faults(_NOT_DONE)
            await control.request_moves(failing)
            await _wait_for_attention(control, len(failing))
            await control.set_faults({})
        await control.run_function("sweep_providers")


async def _wait_for_attention(control: Control, users: int) -> None:
    end = time.monotonic() + _LIMIT
    while len(await control.attention()) < users:
        if time.monotonic() > end:
            raise CommandError(f"{users} users were to need attention, and do not")
        await asyncio.sleep(0.2)
