"""Number rules: default toll numbers by group, by usage location, or for all others."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from shared.domain.user import DirectoryUser

_GUID_LENGTH: Final = 36
_ALL_OTHERS: Final = "*"


@dataclass(frozen=True, slots=True)
class NumberRules:
    """The number rules of the settings; every number is in E.164 with the plus sign.

    by_group: group object id (lower-case) -> number, the first match wins. by_location: usage
    location (two capital letters) -> number. default: the number for all other users; None: the
    service chooses.
    """

    by_group: Mapping[str, str] = field(default_factory=dict)
    by_location: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    @classmethod
    def parse(cls, rules: Mapping[str, str]) -> Self:
        """Return the rules from their written form: group id, location or `*` -> number."""
        groups = {key: number for key, number in rules.items() if len(key) == _GUID_LENGTH}
        others = {key: number for key, number in rules.items() if key not in groups}
        default = others.pop(_ALL_OTHERS, None)
        return cls(groups, others, default)

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self.by_group or self.by_location or self.default)

    def __len__(self) -> int:
        """How many rules there are."""
        return len(list(self.written()))

    def number_for(self, user: DirectoryUser) -> str | None:
        """Return a user's default toll number, or None: the service chooses."""
        for group, number in self.by_group.items():
            if group in user.groups:
                return number
        return self.by_location.get(user.usage_location or "", self.default)

    def has(self, number: str) -> bool:
        """Return whether a number, in any form, is that of a rule."""
        return digits_of(number) in {digits_of(each) for _, each in self.written()}

    def written(self) -> Iterator[tuple[str, str]]:
        """Yield the rules in their written form: whom, number."""
        yield from self.by_group.items()
        yield from self.by_location.items()
        if self.default:
            yield _ALL_OTHERS, self.default


def digits_of(number: str) -> str:
    """Return what tells a number from others, in all forms such as `tel:+1 (425) 555-0100;ext=7`."""
    return re.sub(r"\D", "", number.partition(";")[0]).removeprefix("00")
