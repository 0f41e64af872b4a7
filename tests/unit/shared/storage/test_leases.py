"""Leases in table `state`: released as they were written, and never another's."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, cast

import pytest

from shared.storage.state import StateTable
from shared.storage.tables import Tables
from tests.simulation.fate import Fault, Gate, Process, Script, Verdict
from tests.simulation.loop import MIDNIGHT, Clock, run
from tests.simulation.storage import Account, TableService

SPAN: Final = timedelta(minutes=2)
LATER: Final = MIDNIGHT + timedelta(minutes=1)
Story = Callable[[StateTable], Awaitable[object]]


def requests(story: Story, verdicts: dict[int, Verdict] | None = None) -> int:
    """Play a story with the app's table over the simulated account; return its requests."""
    gate = Gate(Script(verdicts))

    async def play() -> int:
        service = TableService(Account(), gate, Process("one", Clock()))
        await story(StateTable(Tables(cast("Any", service), "").table("state")))
        return gate.calls

    return run(1, play())


async def taken(state: StateTable, owner: str = "ours", *, renew: bool = False) -> bool:
    """Ask for the lease a minute later; return whether it is the owner's."""
    return await state.acquire("sweep", owner, LATER, SPAN, renew=renew)


def test_a_lease_costs_three_requests() -> None:
    """Read, written, written: to release it nothing is read, and another takes it at once."""

    async def story(state: StateTable) -> None:
        assert await taken(state)
        await state.release("sweep", "ours", LATER)

    async def and_again(state: StateTable) -> None:
        await story(state)
        assert await taken(state, "theirs")

    assert (requests(story), requests(and_again)) == (3, 5)


@pytest.mark.parametrize("renewed", [True, False])
def test_a_renewal_whose_answer_was_lost_is_released(renewed: bool) -> None:
    """The row is not as it was written last, but ours: another takes it at once."""

    async def story(state: StateTable) -> None:
        assert await taken(state)
        assert await taken(state, renew=True) is renewed
        await state.release("sweep", "ours", LATER)
        assert await taken(state, "theirs")

    requests(story, {} if renewed else {4: Verdict(Fault.GHOST)})


def test_who_lost_a_lease_does_not_end_it() -> None:
    """It ended, another has it: the release of the first is none, in one process, too."""

    async def story(state: StateTable) -> None:
        assert await state.acquire("sweep", "ours", MIDNIGHT - SPAN, SPAN)
        assert await taken(state, "theirs")
        await state.release("sweep", "ours", LATER)
        assert not await taken(state, "a third")

    requests(story)
