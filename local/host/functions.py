"""What the worker found in the function app: functions with their bindings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from local.host.errors import AppError

HTTP, TIMER = "httpTrigger", "timerTrigger"
QUEUE, EVENT_GRID = "queueTrigger", "eventGridTrigger"
TRIGGERS = (HTTP, TIMER, QUEUE, EVENT_GRID)
"""The trigger types of this host."""

QUEUE_OUTPUT, HTTP_OUTPUT = "queue", "http"
OUTPUTS = (QUEUE_OUTPUT, HTTP_OUTPUT)
"""The output types of this host."""


@dataclass(frozen=True)
class Binding:
    """One binding: its parameter's name, its type, and the rest of its function.json entry."""

    name: str
    type: str
    settings: Mapping[str, Any]

    def text(self, key: str) -> str:
        """A string setting such as `queueName`; empty when it is not given."""
        value = self.settings.get(key)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Function:
    """One function: its name, the worker's id for it, its trigger and its outputs."""

    name: str
    id: str
    trigger: Binding
    outputs: tuple[Binding, ...]

    @classmethod
    def from_bindings(cls, name: str, function_id: str, raw: Sequence[str]) -> Self:
        """Read the function.json form of a function's bindings, one JSON text each.

        Raises `AppError` for a binding that this host does not offer.
        """
        trigger: Binding | None = None
        outputs = []
        for text in raw:
            settings = json.loads(text)
            binding = Binding(settings["name"], settings["type"], settings)
            if settings["direction"].upper() == "OUT":
                if binding.type not in OUTPUTS:
                    raise _not_offered(name, "output", binding.type, OUTPUTS)
                outputs.append(binding)
            elif binding.type in TRIGGERS:
                trigger = binding
            else:
                raise _not_offered(name, "trigger or input", binding.type, TRIGGERS)
        if trigger is None:
            raise AppError(f"function {name!r} has no trigger")
        return cls(name, function_id, trigger, tuple(outputs))


def _not_offered(name: str, kind: str, found: str, offered: Sequence[str]) -> AppError:
    known = ", ".join(offered)
    return AppError(
        f"function {name!r} has the {kind} binding {found!r}; the local host offers {known}"
    )
