"""The signed-in person according to the access token, and whether the roles are sufficient.

Microsoft asks clients not to rely on the contents of a token for Graph ("Access tokens in the
Microsoft identity platform"). So this is only an early warning: if a token cannot be read, nothing is
concluded, and Graph's own refusal counts. Claims: "Access token claims reference" (`tid`, `wids`,
`roles`, `idtyp`).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PRIVILEGED_ROLE_ADMINISTRATOR: Final = "e8611ab8-c189-46e8-94e1-60213ab1f814"
GLOBAL_ADMINISTRATOR: Final = "62e90394-69f5-4237-9190-012177145e10"
"""Template ids ("Microsoft Entra built-in roles")."""

_FOR_AN_APP: Final = frozenset(
    {"AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory"}
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """tenant: the token's tenant, "" if unknown. may_grant: None if unknown."""

    tenant: str
    may_grant: bool | None


def read(token: str) -> SignedIn:
    """Return the claims of a token; all unknown if it cannot be read."""
    claims = _claims(token)
    tenant = claims.get("tid")
    return SignedIn(tenant if isinstance(tenant, str) else "", _may_grant(claims))


def _may_grant(claims: Mapping[str, Any]) -> bool | None:
    wids, roles = claims.get("wids"), claims.get("roles")
    known = [claim for claim in (wids, roles) if isinstance(claim, list)]
    if not known:
        return None
    directory = set(wids) if isinstance(wids, list) else set()
    permissions = set(roles) if isinstance(roles, list) else set()
    by_role = bool(directory & {PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR})
    return by_role or permissions >= _FOR_AN_APP


def _claims(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return {}
    body = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(body))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
