"""One id for everything that one signal causes: a notification, a timer's tick, a person's request.

Azure gives each call of a function an operation id of its own, and a queue message begins a new one.
So the app makes an id where a signal comes in, carries it in its queue messages, and logs it on every
line as `operation=`. It travels in a context variable: tasks that are begun inside inherit it.
"""

import functools
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final


@dataclass(slots=True)
class Operation:
    """An operation, as one piece of work sees it; throttled: answers so far that asked to wait."""

    id: str
    throttled: int = 0


_CURRENT: Final[ContextVar[Operation | None]] = ContextVar("operation", default=None)


def current_id() -> str | None:
    """Return the id of the operation that the caller works for, or None."""
    here = _CURRENT.get()
    return here.id if here else None


def throttled() -> int:
    """Return how many answers asked the work under way to wait, so far."""
    here = _CURRENT.get()
    return here.throttled if here else 0


def count_throttled(answers: int = 1) -> None:
    """Count answers of a service that asked to wait, for the work under way."""
    if here := _CURRENT.get():
        here.throttled += answers


@contextmanager
def operation(known: str | None = None) -> Iterator[Operation]:
    """Work under the operation `known`, else under the caller's, else under a new one.

    An id is 16 hex digits. What is counted inside is this piece of work's own.
    """
    here = Operation(known or current_id() or os.urandom(8).hex())
    token = _CURRENT.set(here)
    try:
        yield here
    finally:
        _CURRENT.reset(token)


def traced[**P, R](work: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make each call of `work` an operation, or a part of the caller's."""

    @functools.wraps(work)
    async def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with operation():
            return await work(*args, **kwargs)

    return inside
