"""Change a run that others may be changing as well: no one's change is lost."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.run import Run
from shared.errors import ConflictError, NoSuchItemError, StaleError
from shared.services.ports import Runs, State

_TRIES: Final = 20
"""Whoever loses lost to somebody who wrote: so many writers at once are rare, and none may starve."""
_DECISION: Final = timedelta(minutes=5)


async def change_run(runs: Runs, run: Run, change: Callable[[Run], Run | None]) -> Run:
    """Store `change(run)`, or what `change` makes of the run that somebody else stored meanwhile.

    change: returns None where the run, as it is stored, shall stay. Return the run as it is stored.
    StaleError: others keep writing it.
    """
    for _ in range(_TRIES):
        wanted = change(run)
        if wanted is None:
            return run
        try:
            return await runs.save_run(wanted)
        except StaleError:
            run = await runs.find_run(run.id) or run
    raise StaleError(f"run {run.id!r}: others keep writing it")


async def existing_run(runs: Runs, run_id: str) -> Run:
    """Return a run; NoSuchItemError: no run has that id."""
    run = await runs.find_run(run_id)
    if run is None:
        raise NoSuchItemError(f"run {run_id!r}: there is no such run")
    return run


@asynccontextmanager
async def one_decision(state: State, clock: Clock, run_id: str) -> AsyncIterator[None]:
    """Keep others from releasing, discarding or cancelling a run; ConflictError: somebody does just now."""
    lease, owner = f"release-{run_id}", secrets.token_hex(8)
    if not await state.acquire(lease, owner, clock.now(), _DECISION):
        raise ConflictError(f"run {run_id!r}: somebody else is deciding about it now")
    try:
        yield
    finally:
        await state.release(lease, owner, clock.now())
