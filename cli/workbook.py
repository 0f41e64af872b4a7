"""A workbook on standard output."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Give a seekable file whose content goes to standard output, once it is complete."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
