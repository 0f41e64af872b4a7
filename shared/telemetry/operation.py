"""Operation ids: one id for everything that a notification, a timer or a request causes.

Azure gives each function call an operation id, and a queue message begins a new one. So the app creates
its own id when a signal arrives, carries it in its queue messages, and logs it on every line as
`operation=`. It is held in a context variable: tasks that are started inside inherit it.
"""

import functools
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, Final, Self


@dataclass(slots=True)
class Operation:
    """An operation within one piece of work; throttled: answers so far that asked to wait."""

    id: str
    throttled: int = 0
    _outer: "Token[Operation | None] | None" = field(default=None, repr=False)

    def __enter__(self) -> Self:
        self._outer = _CURRENT.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._outer:
            _CURRENT.reset(self._outer)


_CURRENT: Final[ContextVar[Operation | None]] = ContextVar("operation", default=None)


def current_id() -> str | None:
    """Return the id of the caller's operation, or None."""
    here = _CURRENT.get()
    return here.id if here else None


def throttled() -> int:
    """Return how many answers have throttled the current work so far."""
    here = _CURRENT.get()
    return here.throttled if here else 0


def count_throttled(answers: int = 1) -> None:
    """Count throttled answers of a service for the current work."""
    if here := _CURRENT.get():
        here.throttled += answers


def operation(known: str | None = None) -> Operation:
    """Run under the operation `known`, else under the caller's, else under a new one.

    An id is 16 hex digits. Counts inside belong to this piece of work only.
    """
    return Operation(known or current_id() or os.urandom(8).hex())


def traced[**P, R](work: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Run each call of `work` as an operation, or as a part of the caller's."""

    @functools.wraps(work)
    async def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with operation():
            return await work(*args, **kwargs)

    return inside
