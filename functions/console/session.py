"""Who is at the console.

In Azure the platform signs people in (App Service authentication) and hands on who it is. On one
machine `acp host` and `make demo` print an address with a one-time token, which becomes a cookie.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import quote, urlsplit

from functions.http.auth import Role, signed_in
from shared.errors import NotPermittedError, SettingsError
from shared.settings.settings import ApiAccess

TOKEN: Final = "ACP_CONSOLE_TOKEN"  # noqa: S105 - a name
"""Where the local host puts the one-time token; it is refused in Azure."""

COOKIE: Final = "__Host-acp-console"
BASE: Final = "/api/console"
_IN_AZURE: Final = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_SHORTEST: Final = 32
_LEAVE: Final = "/.auth/logout?post_logout_redirect_uri=/api/console"


class SignInNeededError(NotPermittedError):
    """Nobody is signed in. address: where that is done; None: nowhere, the message says why."""

    def __init__(self, message: str, address: str | None = None) -> None:
        super().__init__(message, signed_in=False)
        self.address = address


@dataclass(frozen=True, slots=True)
class Person:
    """Who uses the console. may_write: also move users, and read saved conference IDs.

    id: of the sign-in. leave: the address that ends it, where there is one.
    """

    name: str
    may_write: bool
    id: str = ""
    leave: str = ""


class Sessions:
    """The sessions of this process: on one machine the token opens one session, once."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._used = False

    def person(self, headers: Mapping[str, str], url: str, access: ApiAccess) -> Person:
        """Return who sends a request; SignInNeededError: nobody; NotPermittedError: without a role."""
        if access is ApiAccess.ENTRA:
            return self._of_platform(headers, url)
        if not self._environment.get(TOKEN):
            raise SignInNeededError(
                "The console is off, because this app is opened by function keys. Turn on sign-in "
                "with Entra (AUTH_CLIENT_ID, docs/deploy.md), or open the console of a local host."
            )
        token = self._local_token(url)
        given = SimpleCookie(headers.get("Cookie", "")).get(COOKIE)
        if given is None or not hmac.compare_digest(given.value, _session(token)):
            raise SignInNeededError(
                "This session has ended. Open the address that the local host printed, once; "
                "after that, start the host again for a new one."
            )
        return Person(self._environment.get("USER") or "this machine", may_write=True)

    def enter(self, token: str, url: str) -> str:
        """Return the cookie for the one-time token; SignInNeededError: it is wrong or was used."""
        known = self._local_token(url)
        if self._used or not hmac.compare_digest(token.encode(), known.encode()):
            raise SignInNeededError(
                "This address was used before, or is incomplete: start the host again for a new one."
            )
        self._used = True
        return f"{COOKIE}={_session(known)}; Path=/; Secure; HttpOnly; SameSite=Strict"

    def _local_token(self, url: str) -> str:
        token = self._environment.get(TOKEN, "")
        if any(self._environment.get(name) for name in _IN_AZURE):
            raise SettingsError(f"{TOKEN}: a local host's token opens nothing in Azure; remove it")
        if len(token) < _SHORTEST:
            raise SettingsError(f"{TOKEN}: at least {_SHORTEST} characters are needed")
        if urlsplit(url).hostname not in _LOOPBACK:
            raise SignInNeededError("A local console is open on this machine only: use 127.0.0.1.")
        return token

    def _of_platform(self, headers: Mapping[str, str], url: str) -> Person:
        back = quote(urlsplit(url).path or BASE, safe="/")
        try:
            who = signed_in(headers, self._environment)
        except NotPermittedError as error:
            address = f"/.auth/login/aad?post_login_redirect_uri={back}"
            raise SignInNeededError(str(error), address) from None
        if not who.roles & {Role.READ, Role.WRITE}:
            raise NotPermittedError(
                f"{who.name} is signed in, but has neither of the app roles {Role.READ} and "
                f"{Role.WRITE}: ask for one in the app's Enterprise application",
                signed_in=True,
            )
        return Person(who.name, may_write=Role.WRITE in who.roles, leave=_LEAVE)


def _session(token: str) -> str:
    return hmac.new(token.encode(), b"console session", hashlib.sha256).hexdigest()
