"""Who may call the HTTP API when people sign in with Entra instead of holding a function key.

The platform (App Service authentication, "Easy Auth") checks the token, strips what a caller forged
and hands on who it is in the header `X-MS-CLIENT-PRINCIPAL`. Which app role a call needs is checked
here. Sources: "Work with user identities in Azure App Service authentication"; "Environment variables
and app settings in Azure App Service" (WEBSITE_AUTH_ENABLED).
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from shared.domain.pause import RequestedBy
from shared.errors import NotPermittedError
from shared.text import harmless

if TYPE_CHECKING:
    from azure.functions import HttpRequest

PRINCIPAL: Final = "X-MS-CLIENT-PRINCIPAL"
"""Set by the platform, which strips what a caller sends under these names."""

SWITCHED_ON: Final = "WEBSITE_AUTH_ENABLED"
_ROLE_CLAIMS: Final = frozenset(
    {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
)
_NAME_CLAIMS: Final = (
    "preferred_username",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "name",
    "appid",
    "azp",
)
_ID_CLAIMS: Final = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_HARMLESS_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST: Final = 64 * 2**10


class Role(StrEnum):
    """An app role of the API's app registration. `WRITE` permits what `READ` permits."""

    READ = "Conferencing.Read"
    """Read users, runs and results."""
    WRITE = "Conferencing.Write"
    """Move users, release those who are held, pause, and read saved conference IDs."""


class _Claim(BaseModel):
    typ: str
    val: str


class _Principal(BaseModel):
    role_typ: str | None = None
    claims: list[_Claim]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who calls, as the platform says, and with which roles."""

    name: str
    id: str
    roles: frozenset[str]


def check_role(needed: Role, headers: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Raise NotPermittedError unless the platform says that the caller has a role that permits it.

    environment: see `signed_in`.
    """
    if not signed_in(headers, environment).roles & {needed, Role.WRITE}:
        raise NotPermittedError(f"the app role {needed} is needed", signed_in=True)


def signed_in(headers: Mapping[str, str], environment: Mapping[str, str]) -> SignedIn:
    """Return who calls; NotPermittedError: nobody is signed in.

    environment: without WEBSITE_AUTH_ENABLED everybody is refused, because anybody could forge the
    header.
    """
    if environment.get(SWITCHED_ON, "").casefold() != "true":
        raise NotPermittedError(
            "ACP_API_ACCESS=entra, but App Service authentication is not switched on at this app",
            signed_in=False,
        )
    text = headers.get(PRINCIPAL)
    if not text:
        raise NotPermittedError("sign in: a token for this API is needed", signed_in=False)
    return _read(text)


def check_origin(method: str, url: str, headers: Mapping[str, str]) -> None:
    """Raise NotPermittedError when a web page of another origin sends a call that changes something.

    A browser names the page's origin (`Origin`, RFC 6454; `Sec-Fetch-Site`, Fetch Metadata), and sends a
    person's sign-in along.
    """
    if method in _HARMLESS_METHODS:
        return
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:  # the browser's own word; behind a proxy the addresses may differ
        foreign = site.casefold() not in ("same-origin", "none")
    else:
        own = urlsplit(url).netloc.casefold()
        foreign = origin is not None and urlsplit(origin).netloc.casefold() != own
    if foreign:
        raise NotPermittedError("a web page of another origin may not call this", signed_in=True)


def requester(req: "HttpRequest") -> RequestedBy:
    """Return who calls: as the platform signed the caller in, or by the function key.

    A key has no name here, so its digest tells it from others. A header that the platform has not
    checked names nobody.
    """
    headers = req.headers
    if os.environ.get(SWITCHED_ON, "").casefold() == "true" and headers.get(PRINCIPAL):
        who = signed_in(headers, os.environ)
        return RequestedBy(who.name, who.id)
    key = headers.get("x-functions-key") or req.params.get("code")
    if not key:
        return RequestedBy("the HTTP API, without a key")
    return RequestedBy(f"function key {hashlib.sha256(key.encode()).hexdigest()[:8]}")


def _first(claims: Mapping[str, str], names: tuple[str, ...]) -> str:
    return harmless(next((claims[name] for name in names if claims.get(name)), ""))


def _read(text: str) -> SignedIn:
    try:
        if len(text) > _LONGEST:
            raise ValueError("too long")
        principal = _Principal.model_validate_json(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, ValidationError):
        raise NotPermittedError(f"the header {PRINCIPAL} cannot be read", signed_in=False) from None
    roles = _ROLE_CLAIMS | {principal.role_typ}
    claims = {claim.typ: claim.val for claim in principal.claims}
    user_id = _first(claims, _ID_CLAIMS)
    return SignedIn(
        name=_first(claims, _NAME_CLAIMS) or user_id or "somebody signed in",
        id=user_id,
        roles=frozenset(claim.val for claim in principal.claims if claim.typ in roles),
    )
