"""Waiting for a condition, with a limit: what demos and tests do instead of sleeping."""

import time
from collections.abc import Callable

from local.errors import WaitError


def wait_until[T](condition: Callable[[], T | None], what: str, limit: float = 30.0) -> T:
    """Ask `condition` until it gives something true, and return that.

    `what` names the condition in the `WaitError` raised after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    pause = 0.005
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise WaitError(f"{what}: not within {limit:g} s (last answer: {result!r})")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
