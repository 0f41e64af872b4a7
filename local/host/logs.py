"""The host's log lines: time, level, logger, invocation, message; on standard error.

Bodies and headers are never logged: the host does not, and the Azure SDK's request log is off.
"""

import logging
import sys
from datetime import UTC, datetime

from azure_functions_runtime import invocation_id_cv

_QUIET = ("azure", "httpx", "httpcore", "uvicorn")


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback under it."""
        record.invocation = invocation_id_cv.get() or "-"
        return super().format(record)

    def formatTime(  # noqa: N802 - the name that logging.Formatter calls
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """The time in UTC with milliseconds; `datefmt` is not used."""
        del datefmt
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure(level: int = logging.INFO) -> None:
    """Send all loggers of this process to standard error, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter("%(asctime)s %(levelname)-7s %(name)s [%(invocation)s] %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
