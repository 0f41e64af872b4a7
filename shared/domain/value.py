"""Domain types of which a listing makes one per user or more."""

from dataclasses import dataclass, field
from typing import dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value[T](kind: type[T]) -> type[T]:
    """Make a class a dataclass with slots that the type checker holds to be frozen.

    It takes a third of the time to make that a frozen one does (0.8 and 2.4 us for eleven fields).
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)
