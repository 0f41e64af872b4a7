"""Access keys of HTTP functions, webhooks and the admin endpoints.

https://learn.microsoft.com/azure/azure-functions/function-keys-how-to: a function key opens the
functions of level `function`, a system key the webhooks of extensions, the master key everything.
Without any key everything is open: "When running locally, authorization isn't enforced"
(https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http).
"""

import hmac
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a caller must present."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    SYSTEM = "system"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys that callers must present; with no key at all nothing is guarded."""

    function: str | None = None
    system: str | None = None
    master: str | None = None

    def allow(self, level: Level, presented: str | None) -> bool:
        """Whether `presented` (from `x-functions-key` or `?code=`) opens `level`."""
        if level is Level.ANONYMOUS or not (self.function or self.system or self.master):
            return True
        accepted = [self.master]
        if level is Level.FUNCTION:
            accepted.append(self.function)
        if level is Level.SYSTEM:
            accepted.append(self.system)
        offered = (presented or "").encode()
        return any(key and hmac.compare_digest(key.encode(), offered) for key in accepted)
