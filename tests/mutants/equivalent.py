"""Mutants that change nothing anybody could see: each by its line, and why."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A changed line of a module (`domain.retry`), blanks around it left out, and why it is the same."""

    module: str
    was: str
    becomes: str
    why: str


_FRESH: Final = (
    "fresh = Waiting(attempt.user_id, attempt.cause, attempt.reason, at, at, at, attempt=0)"
)
_BATCHED: Final = "for group in batched(dict.fromkeys(users), USERS_PER_MESSAGE, strict=False):"

EQUIVALENT: Final[tuple[Equivalent, ...]] = (
    *(
        Equivalent("domain.retry", _FRESH, _FRESH.replace(was, becomes), why)
        for was, becomes, why in (
            (
                "attempt.cause",
                "None",
                "`_counted` sets the cause of every attempt, the first included",
            ),
            ("attempt.reason", "None", "and the reason"),
            ("at, at, at,", "at, None, at,", "and when the user is due"),
            ("at, at, at,", "at, at, None,", "and when the user was looked at"),
        )
    ),
    *(
        Equivalent("domain.messages", _BATCHED, _BATCHED.replace("strict=False", becomes), why)
        for becomes, why in (
            ("strict=None", "as false as False"),
            ("", "False is what `batched` takes without it; ruff (B911) wants it written"),
        )
    ),
    Equivalent(
        "domain.decision",
        'same = _on_same_bridge(provider, number or toll_free or "", rules.bridges)',
        'same = _on_same_bridge(provider, number or toll_free or "XXXX", rules.bridges)',
        "one of the two is there, or nothing would be other; the last is for the type",
    ),
    Equivalent(
        "domain.listing",
        'missing, licensed = counts.get("unlisted", 0), counts.get("licensed", 0)',
        'missing, licensed = counts.get("unlisted", 1), counts.get("licensed", 0)',
        "neither is many",
    ),
    Equivalent(
        "domain.saved",
        "if len(key) == _KEY and self._keys[-_KEY:] < key:",
        "if len(key) == _KEY and self._keys[-_KEY:] <= key:",
        "a record that is added twice is known as well as one that is added once",
    ),
    Equivalent(
        "domain.number_rules",
        'return self.by_location.get(user.usage_location or "", self.default)',
        'return self.by_location.get(user.usage_location or "XXXX", self.default)',
        "neither is a location, so no rule is for it",
    ),
)
