"""Users on Microsoft whom a number rule takes to another bridge, counted by number in a sweep's counts."""

from collections.abc import Mapping
from typing import Final

from shared.domain.number_rules import NumberRules

_PREFIX: Final = "change_bridge_"
_MOST: Final = 50
"""Numbers with a count of their own: a run is one row, which has at most 252 properties."""

_SHOWN: Final = 5


def count_name(number: str) -> str:
    """Return the name of the count of users who get this number (E.164, +)."""
    return _PREFIX + number.removeprefix("+")


def bounded(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a run, with those of the 50 most frequent numbers only."""
    numbers = sorted((name for name in counts if name.startswith(_PREFIX)), key=counts.__getitem__)
    dropped = set(numbers[:-_MOST])
    return {name: count for name, count in counts.items() if name not in dropped}


def describe(counts: Mapping[str, int], numbers: NumberRules) -> str:
    """Return in words how many users would get a new conference ID by which rules, or ""."""
    found = {
        f"{whom}={number}": number
        for whom, number in numbers.written()
        if counts.get(count_name(number))
    }
    if not found:
        return ""
    users = sum(counts[count_name(number)] for number in set(found.values()))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    rules = ", ".join(list(found)[:_SHOWN]) + more
    whose = f"rule {rules} names a number" if len(found) == 1 else f"the rules {rules} name numbers"
    return f"{users:,} users on Microsoft would get a new conference ID because {whose} on another bridge"
