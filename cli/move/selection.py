"""Select the users of `acp move`: a list, a CSV file, or all users on a provider."""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from cli.errors import CommandError
from cli.output import tell
from shared.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.options import OwnNumbers
    from shared.userlists.csv_file import CsvUser

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Options of the command line that select users."""

    users: str | None
    csv: str | None
    column: str | None
    skip_bad_lines: bool
    provider: str | None
    limit: int | None = None

    def given(self) -> "Given | None":
        """Return the given users, repetitions included, up to the limit; None: to be found by provider.

        InputError or CommandError: no names, or some are invalid.
        """
        from shared.userlists.names import split_names  # noqa: PLC0415 - other commands need no lists

        if self.users is not None:
            names = list(split_names(self.users))
            if not names:
                raise CommandError("--users: the list is empty; nothing was done", 2)
            return Given(names[: self.limit])
        if self.csv is not None:
            return self._in_file(self.csv)
        return None

    def _in_file(self, csv: str) -> "Given":
        from shared.userlists.csv_file import own_numbers  # noqa: PLC0415

        users = list(self._read(csv))[: self.limit]
        try:
            own = own_numbers(users)
        except InputError as error:
            raise CommandError(f"--csv {csv}: {error}; nothing was changed", 2) from None
        return Given([user.name for user in users], own)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the file in an error that is about one of its lines."""
        try:
            yield
        except (InputError, CommandError) as error:
            if self.csv is None or not re.search(r"\bline \d", str(error)):
                raise
            raise CommandError(f"--csv {self.csv}: {error}", 2) from None

    def body(self, given: "Given | None") -> dict[str, object]:
        """Return their part of the body of a request to the deployed app; given: the users, if any."""
        if given is not None:
            own = {
                name: {"service_number": it.toll, "toll_free_number": it.toll_free, "line": it.line}
                for name, it in given.own_numbers.items()
            }
            return {"users": given.names, **({"numbers": own} if own else {})}
        # An empty name is for the app to reject: it must never mean all users.
        return {"all_third_party": True} if self.provider is None else {"provider": self.provider}

    def _read(self, csv: str) -> Iterator["CsvUser"]:
        from shared.userlists.csv_file import BadLine, csv_users  # noqa: PLC0415

        bad: list[BadLine] = []
        count = 0
        with _opened(csv) as file:
            for item in csv_users(file, self.column):
                if isinstance(item, BadLine):
                    bad.append(item)
                else:
                    count += 1
                    yield item
        for line in bad[:_SHOWN]:
            tell(f"{csv}, line {line.number}: {line.reason}")
        if len(bad) > _SHOWN:
            tell(f"... and {len(bad) - _SHOWN:,} lines more")
        if bad and not self.skip_bad_lines:
            raise CommandError(
                f"--csv {csv}: lines that name no user, or no number: {len(bad):,}; nothing was "
                "changed. "
                "Fix them, or skip them with --skip-bad-lines",
                2,
            )
        if not count:
            raise CommandError(f"--csv {csv}: no user is in it; nothing was done", 2)


@dataclass(frozen=True, slots=True)
class Given:
    """Users who were named, and numbers that a file gives single ones, by name (lower case)."""

    names: list[str]
    own_numbers: "Mapping[str, OwnNumbers]" = field(default_factory=dict)


@contextmanager
def _opened(csv: str) -> Iterator[BinaryIO]:
    if csv != "-":
        try:
            file = open(csv, "rb")  # noqa: SIM115, PTH123 - closed below; a name, not a path to resolve
        except OSError as error:
            raise CommandError(f"--csv {csv}: cannot be read ({error.strerror})", 2) from error
        with file:
            yield file
        return
    # Piped input is read twice: once to find its encoding.
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.seek(0)
        yield spool
