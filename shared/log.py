"""Log lines: one per decision, `event field=value ...`, without users' names unless permitted.

Rule: no passcode, PIN, token or secret ever. User ids and UPNs only behind ACP_LOG_USERS; without
it a user appears under a short pseudonym, the same in every line, so that lines can be correlated.
"""

import hashlib
import json
import logging


class EventLog:
    """Writes events with fields through the standard logging of the Functions worker."""

    def __init__(self, name: str, *, show_users: bool = False, salt: str = "") -> None:
        self._logger = logging.getLogger(name)
        self._show_users = show_users
        self._salt = salt

    def who(self, user_id: str) -> str:
        """Return the user's id if the settings permit it, else a pseudonym of 12 hex digits."""
        if self._show_users:
            return user_id
        text = f"{self._salt}/{user_id.casefold()}"
        return "user-" + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]

    def info(self, event: str, **fields: object) -> None:
        """Write an event that is as it should be."""
        self._logger.info("%s", _line(event, fields))

    def warning(self, event: str, **fields: object) -> None:
        """Write an event that a person may want to look at."""
        self._logger.warning("%s", _line(event, fields))

    def error(self, event: str, *, error: BaseException | None = None, **fields: object) -> None:
        """Write an event that should not have happened, with the traceback of `error` if given."""
        self._logger.error("%s", _line(event, fields), exc_info=error)


def quiet_libraries() -> None:
    """Keep the libraries' own INFO lines out: they print URLs, and URLs carry user ids."""
    for name in ("httpx", "httpcore", "azure", "msal"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _line(event: str, fields: dict[str, object]) -> str:
    return " ".join([event, *(f"{key}={_value(value)}" for key, value in fields.items())])


def _value(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and not set(text) & set(' "=')
    return text if plain and text else json.dumps(text, ensure_ascii=False)
