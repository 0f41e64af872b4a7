"""A form that is sent twice is one action."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from functions.console.asked import Asked
from shared.domain.run import Signal

if TYPE_CHECKING:
    from shared.bootstrap.services import App


@asynccontextmanager
async def first_time(app: "App", asked: Asked) -> AsyncIterator[bool]:
    """Give whether a form is sent for the first time. Where its action fails, it may be sent again."""
    keys, mine = app.adapters.move_requests, secrets.token_hex(8)
    name = f"console/{'/'.join(asked.parts)}/{asked.one('key')}"
    first = await keys.run_of(name, mine, "") == mine
    try:
        yield first
    except BaseException:
        if first:
            await keys.forget_key(name)
        raise


async def run_begun(app: "App", asked: Asked) -> str | None:
    """Return the run that this form has begun before, if it has."""
    return await app.adapters.move_requests.known_run(f"{Signal.REQUEST}/{asked.one('key')}")
