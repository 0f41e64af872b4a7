"""Change a run that others may be changing as well: no one's change is lost."""

from collections.abc import Callable
from typing import Final

from shared.domain.run import Run
from shared.errors import StaleError
from shared.services.ports import Runs

_TRIES: Final = 5


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
