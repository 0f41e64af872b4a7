"""Read the claims of an access token: its audience and permissions. Nothing is verified."""

import base64
import binascii
import json
from typing import Any


def describe_token(token: str) -> str:
    """Return audience and roles (app) or scopes (person) as text, without any part of the token.

    Source: "Access token claims reference" (learn.microsoft.com/entra/identity-platform).
    """
    claims = _claims(token)
    if claims is None:
        return "a token that cannot be looked into"
    roles, scopes = claims.get("roles"), claims.get("scp")
    if isinstance(roles, list) and roles:
        permits = f"roles {', '.join(sorted(str(role) for role in roles))}"
    else:
        permits = f"scopes {scopes}" if scopes else "no roles in it"
    return f"for {claims.get('aud')}, {permits}"


def who_signed_in(token: str) -> tuple[str, str] | None:
    """Return name and object id of the person whom a token is for, or None: it does not say."""
    claims = _claims(token) or {}
    names = (claims.get(name) for name in ("upn", "preferred_username", "unique_name", "name"))
    name, user_id = next((str(each) for each in names if each), ""), str(claims.get("oid") or "")
    return (name or user_id, user_id) if name or user_id else None


def _claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != len(("head", "claims", "signature")):
        return None
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(text)
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None
