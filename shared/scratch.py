"""Room on the machine's own disk for what is too much to keep in memory."""

import tempfile
from io import BytesIO
from typing import IO


def scratch(folder: str | None = None) -> IO[bytes]:
    """Return a file without a name or a buffer, gone when it is closed; memory, where none can be made.

    folder: where; None: the machine's folder for temporary files.
    """
    try:
        return tempfile.TemporaryFile(buffering=0, dir=folder)
    except OSError:
        return BytesIO()
