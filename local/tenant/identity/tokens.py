"""Access tokens: signed, for one resource, for a time.

They live by the machine's clock and not by the tenant's, because the client that caches them
does: moving the tenant a week ahead must not make a client's fresh token stale.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping

GRAPH = "https://graph.microsoft.com"
TEAMS = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239"
RESOURCES = (GRAPH, TEAMS)


_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)
_CLAIMS = ', error="insufficient_claims", claims="{}"'.format(
    base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1"}}}').decode()
)


class TokenError(Exception):
    """A token that is refused; the text says why and never repeats the token.

    revoked: it was ended before its time, and the client is challenged to get another ("Continuous
    access evaluation", Microsoft Entra documentation).
    """

    def __init__(self, text: str, *, revoked: bool = False) -> None:
        super().__init__(text)
        self.code = (
            "TokenIssuedBeforeRevocationTimestamp" if revoked else "InvalidAuthenticationToken"
        )
        self.challenge = _CHALLENGE + (_CLAIMS if revoked else "")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Issues and checks the tokens of one tenant. The key follows from the tenant's id."""

    def __init__(
        self,
        tenant_id: str,
        app_id: str,
        lifetime_seconds: int,
        source: Callable[[], float] = time.time,
    ) -> None:
        self._tenant_id = tenant_id
        self._app_id = app_id
        self.lifetime = lifetime_seconds
        self._source = source
        self._key = hashlib.sha256(f"simulated/{tenant_id}".encode()).digest()
        self._generation = 0

    def issue(self, resource: str, about: Mapping[str, object] | None = None) -> tuple[str, int]:
        """A token for the resource and when it expires, in seconds since 1970.

        about: claims about whom it is for, such as roles.
        """
        issued = int(self._source())
        expires = issued + self.lifetime
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": issued,
            "nbf": issued,
            "exp": expires,
            "appid": self._app_id,
            "tid": self._tenant_id,
            "ver": "1.0",
            "generation": self._generation,
            **(about or {}),
        }
        head = _encode(b'{"typ":"JWT","alg":"HS256"}')
        body = _encode(json.dumps(claims, separators=(",", ":")).encode())
        return f"{head}.{body}.{self._sign(head, body)}", expires

    def revoke_all(self) -> None:
        """Make every token issued so far invalid."""
        self._generation += 1

    def check(self, authorization: str | None, resource: str) -> Mapping[str, object]:
        """The claims of the Authorization header's token, or raise TokenError."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("Access token is empty.")
        parts = token.strip().split(".")
        if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
            raise TokenError("CompactToken parsing failed.")
        signature = parts[2].encode("utf-8", "replace")
        if not hmac.compare_digest(self._sign(parts[0], parts[1]).encode(), signature):
            raise TokenError("Access token validation failure. Invalid signature.")
        try:
            claims: dict[str, object] = json.loads(_decode(parts[1]))
        except (ValueError, binascii.Error) as error:
            raise TokenError("CompactToken parsing failed.") from error
        if claims["aud"] != resource:
            raise TokenError("Access token validation failure. Invalid audience.")
        expires = claims["exp"]
        late = not isinstance(expires, int) or expires <= self._source()
        if late:
            raise TokenError("Lifetime validation failed, the token is expired.")
        if claims["generation"] != self._generation:
            raise TokenError(
                "Continuous access evaluation resulted in challenge with result: InteractionRequired "
                "and code: TokenIssuedBeforeRevocationTimestamp",
                revoked=True,
            )
        return claims

    def _sign(self, head: str, body: str) -> str:
        digest = hmac.new(self._key, f"{head}.{body}".encode("utf-8", "replace"), hashlib.sha256)
        return _encode(digest.digest())
