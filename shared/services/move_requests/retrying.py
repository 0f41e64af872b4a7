"""Try the users of a run again who failed, as a new run with the same options."""

from dataclasses import replace

from shared.domain.move_request import MoveRequest
from shared.domain.outcome import Outcome
from shared.domain.run import Run
from shared.errors import ConflictError
from shared.services.move_requests.options import options_of
from shared.services.ports import MoveRequests, Runs


async def retry_request(
    runs: Runs, requests: MoveRequests, run: Run, expected: int | None = None
) -> MoveRequest:
    """Return the request over those users of a run who failed. ConflictError: nobody did.

    expected: how many users may be changed; None: as the guard permits.
    """
    users = await failed_users(runs, run.id)
    if not users:
        raise ConflictError(f"run {run.id!r} has no failed user")
    kept = await options_of(requests, run.id, users)
    options = replace(kept, expected=expected)
    return MoveRequest(tuple(users), options=options)


async def failed_users(runs: Runs, run_id: str) -> list[str]:
    """Return the ids of the users of a run who failed."""
    return [each.user_id async for each in runs.results(run_id) if each.outcome is Outcome.FAILED]
