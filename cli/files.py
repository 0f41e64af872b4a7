"""Files that the command line writes: for their owner only, whole or not at all, never through a link."""

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from cli.errors import CommandError
from cli.output import tell

_PRIVATE: Final = 0o600


def write_private(file: Path, text: str, option: str) -> None:
    """Write a text file that only its owner may read, in place of an older one.

    option: how the caller named the file, for errors. CommandError: there is a link, a folder or a device
    of that name, or it cannot be written; then an older file is as it was.
    """
    with private_file(file, option) as opened:
        opened.write(text.encode())


@contextmanager
def private_file(file: Path, option: str) -> Iterator[BinaryIO]:
    """Give a new file, which takes the place of `file` once it is complete; see `write_private`."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise CommandError(f"{option} {file}: is a link, folder or device, not a file", 2)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CommandError(f"{option} {file}: cannot be written ({error.strerror})", 2) from error
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with open(os.open(new, flags, _PRIVATE), "w+b") as opened:  # noqa: PTH123
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)
    except OSError as error:
        raise CommandError(f"{option} {file}: cannot be written ({error.strerror})", 2) from error
    finally:
        with suppress(OSError):  # as a rule it has got its name and is not there
            new.unlink()


def keep_output_private() -> None:
    """Take others' rights from the file that standard output is redirected to, if any: `> users.csv`."""
    try:
        number = sys.stdout.fileno()
        if stat.S_ISREG(os.fstat(number).st_mode) and hasattr(os, "fchmod"):
            os.fchmod(number, _PRIVATE)
    except (OSError, ValueError) as error:  # it belongs to somebody else, or is no file at all
        if isinstance(error, PermissionError):
            tell("warning: others may be able to read the file with the output: it is not yours")
