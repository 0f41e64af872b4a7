r"""Write events as log lines `event operation=... field=value ...`, without users' names.

Rule: no passcode, PIN, token or secret ever. User ids and UPNs only behind ACP_LOG_USERS; without
it a user appears under a short pseudonym, the same in every line, so that lines can be correlated.

The Functions host takes a line's text but no structured fields, so queries parse the text:
a value with a space, a quote, `=` or a backslash is in double quotes, in which `"` and `\` follow
a backslash; nothing else is escaped. Source: "parse-kv operator", Kusto Query Language documentation.
"""

import hashlib
import logging
import re
import traceback
from typing import Final

from shared.telemetry.events import Event, LoggedUser
from shared.telemetry.operation import current_id
from shared.text import harmless, harmless_lines

_LONGEST: Final = 500
"""Most characters of a value; longer values are cut."""

_PLAIN: Final = re.compile(r'[^\s"=\\]+')
_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\""})


class EventLog:
    """Writer of events through the standard logging of the Functions worker."""

    def __init__(self, name: str, *, show_users: bool = False, salt: str = "") -> None:
        self._logger = logging.getLogger(name)
        self._show_users = show_users
        self._salt = salt

    def who(self, user_id: str) -> LoggedUser:
        """Return the user's id if the settings permit it, else a pseudonym of 12 hex digits."""
        if self._show_users:
            return LoggedUser(user_id)
        text = f"{self._salt}/{user_id.casefold()}"
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        return LoggedUser(f"user-{digest[:12]}")

    def write(self, event: Event, error: BaseException | None = None) -> None:
        """Write an event at its level, with the traceback of `error` under it if given."""
        if self._logger.isEnabledFor(event.level):
            raised = error and (type(error), error, error.__traceback__)
            record = self._logger.makeRecord(
                self._logger.name, event.level, __file__, 0, "%s", (line(event),), raised or None
            )
            if error:
                # Formatted here: an exception's own text may hold what steers a terminal.
                record.exc_text = harmless_lines(
                    "".join(traceback.format_exception(error)).rstrip()
                )
            self._logger.handle(record)


def line(event: Event) -> str:
    """Return the text of an event, with the id of the current operation."""
    parts = [event.event]
    if operation := current_id():
        parts.append(f"operation={operation}")
    parts.extend(
        f"{name}={value if type(value) is int else _text(str(value))}"
        for name, value in event.fields()
    )
    return " ".join(parts)


def quiet_libraries() -> None:
    """Silence the libraries' own INFO lines: they print URLs, and URLs contain user ids."""
    for name in ("httpx", "httpcore", "azure", "msal"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _text(value: str) -> str:
    value = harmless(value[: _LONGEST + 1])
    if len(value) > _LONGEST:
        value = value[: _LONGEST - 1] + "…"
    return value if _PLAIN.fullmatch(value) else f'"{value.translate(_ESCAPED)}"'
