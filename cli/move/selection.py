"""Select the users of `acp move`: a list, a CSV file, or all users on a provider."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from cli.errors import CommandError
from cli.output import tell

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

    def given(self) -> list[str] | None:
        """Return the given names, repetitions included, up to the limit; None: to be found by provider.

        InputError or CommandError: no names, or some are invalid.
        """
        names = self._given()
        return None if names is None else names[: self.limit]

    def _given(self) -> list[str] | None:
        # Imported here, because other commands need no lists.
        from shared.userlists.names import split_names  # noqa: PLC0415

        if self.users is not None:
            names = list(split_names(self.users))
            if not names:
                raise CommandError("--users: the list is empty; nothing was done", 2)
            return names
        if self.csv is not None:
            return list(self._read(self.csv))
        return None

    def body(self, names: list[str] | None) -> dict[str, object]:
        """Return their part of the body of a request to the deployed app; `names`: those given, if any."""
        if names is not None:
            return {"users": names}
        # An empty name is for the app to reject: it must never mean all users.
        return {"all_third_party": True} if self.provider is None else {"provider": self.provider}

    def _read(self, csv: str) -> Iterator[str]:
        from shared.userlists.csv_file import BadLine, csv_names  # noqa: PLC0415

        bad: list[BadLine] = []
        count = 0
        with _opened(csv) as file:
            for item in csv_names(file, self.column):
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
                f"--csv {csv}: lines that name no user: {len(bad):,}; nothing was changed. "
                "Fix them, or skip them with --skip-bad-lines",
                2,
            )
        if not count:
            raise CommandError(f"--csv {csv}: no user is in it; nothing was done", 2)


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
