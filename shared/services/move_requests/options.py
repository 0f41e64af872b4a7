"""With which options users of a requested run are moved, or tried again later."""

from collections.abc import Sequence
from dataclasses import replace

from shared.domain.options import MoveOptions
from shared.services.ports import MoveRequests


async def options_of(requests: MoveRequests, run: str, users: Sequence[str]) -> MoveOptions:
    """Return the options of a run for some of its users, by id, or by the name of one who has none yet.

    Numbers of single users are read for these users alone.
    """
    request = await requests.request(run)
    if not request.has_own_numbers:
        return request.options
    own = dict(await requests.own_numbers(run, [user for user in users if "@" not in user]))
    if names := {user.lower() for user in users if "@" in user}:
        async for page in requests.pages(run):
            own |= {name: page.own_numbers[name] for name in names & page.own_numbers.keys()}
    return replace(request.options, own_numbers=own)
