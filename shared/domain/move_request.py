"""What a person or a program asks for: which users, and how they are to be moved."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.options import DEFAULT_OPTIONS, MoveOptions

NAMES_PER_PAGE: Final = 100
"""113 characters a name at most, so a page fits into one property of a table (32 Ki characters)."""


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A selection of users, and the options of their move.

    users: names that were given (ids or addresses, each once); None: everybody on `provider` is
    to be found, or, with that None too, everybody on any third party.
    """

    users: tuple[str, ...] | None = None
    provider: str | None = None
    options: MoveOptions = DEFAULT_OPTIONS
    dry_run: bool = False

    @property
    def fingerprint(self) -> str:
        """A text that two requests share only when they ask for the same.

        Idempotency keys are stored with its digest: its form must not change.
        """
        options = self.options
        wish = (
            f"Wish(provider={self.provider!r}, options=MoveOptions(send_email={options.send_email!r}, "
            f"service_number={options.service_number!r}, "
            f"toll_free_number={options.toll_free_number!r}))"
        )
        return wish if self.users is None else f"{wish} {json.dumps(list(self.users))}"


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Some names of a run, and whether each of them has a result."""

    number: int
    names: Sequence[str]
    done: bool = False
