"""Move requests: which users to move, and with which options."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.options import DEFAULT_OPTIONS, MoveOptions, OwnNumbers

NAMES_PER_PAGE: Final = 100
"""At most 113 characters per name, so a page fits into one table property (32 Ki characters)."""


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A selection of users, and the options of their move.

    users: the given names (ids or addresses, each once); None: all users on `provider`, or, if
    that is None as well, all users on any third party. named: how many names were given, the same ones
    counted again; 0: the users were chosen, not named. ticket, note: why, as it was given.
    has_own_numbers: as stored: some users have numbers of their own, which are in the pages.
    """

    users: tuple[str, ...] | None = None
    provider: str | None = None
    options: MoveOptions = DEFAULT_OPTIONS
    dry_run: bool = False
    named: int = 0
    ticket: str = ""
    note: str = ""
    has_own_numbers: bool = False

    @property
    def fingerprint(self) -> str:
        """A text that is equal for two requests only if they ask for the same.

        Idempotency keys are stored with its digest: its form must not change.
        """
        options = self.options
        wish = (
            f"Wish(provider={self.provider!r}, options=MoveOptions(send_email={options.send_email!r}, "
            f"service_number={options.service_number!r}, "
            f"toll_free_number={options.toll_free_number!r}))"
        )
        if options.expected is not None:
            wish += f" expected={options.expected}"
        if options.own_numbers:
            own = sorted((name, it.toll, it.toll_free) for name, it in options.own_numbers.items())
            wish += f" own_numbers={json.dumps(own)}"
        return wish if self.users is None else f"{wish} {json.dumps(list(self.users))}"


def count_users(names: int, users: int) -> dict[str, int]:
    """Return the counts of a run over so many names that name so many users: `names` only if they differ."""
    return {"users": users} if names == users else {"names": names, "users": users}


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A page of a run's names, and whether each of them has a result.

    own_numbers: of single users, by name (lower case).
    """

    number: int
    names: Sequence[str]
    done: bool = False
    own_numbers: Mapping[str, OwnNumbers] = field(default_factory=dict)
