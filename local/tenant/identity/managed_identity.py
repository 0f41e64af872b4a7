"""The managed identity endpoint of App Service and Functions, as msal calls it.

Source: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace

from local.tenant.exchange import Answer, Call
from local.tenant.faults.faults import Dice
from local.tenant.identity.tokens import RESOURCES, Tokens

API_VERSION = "2019-08-01"


class IdentityApi:
    """`GET /msi/token?api-version=2019-08-01&resource=...` with X-IDENTITY-HEADER.

    Refusals have `statusCode` and `message`, which is what msal reads.
    """

    def __init__(
        self,
        tokens: Tokens,
        identity_header: str | None,
        dice: Dice,
        about: Callable[[], Mapping[str, object]],
    ) -> None:
        self._tokens = tokens
        self._about = about
        self._dice = dice
        self._identity_header = identity_header

    def answer(self, call: Call) -> Answer:
        """A token for Graph or for the Teams admin API."""
        if call.method != "GET":
            return _refuse(405, "Only GET is supported.")
        given = call.headers.get("x-identity-header", "")
        expected = self._identity_header if self._identity_header is not None else given
        if not given or not hmac.compare_digest(given.encode(), expected.encode()):
            return _refuse(401, "X-IDENTITY-HEADER is missing or wrong.")
        if call.query.get("api-version") != API_VERSION:
            return _refuse(400, f"api-version must be {API_VERSION}.")
        resource = call.query.get("resource", "").rstrip("/")
        if resource not in RESOURCES:
            return _refuse(400, f"resource must be one of {', '.join(RESOURCES)}.")
        refusal = self._dice.refusal("identity")
        if refusal is not None:
            return replace(_refuse(refusal[0], "An injected fault."), headers=refusal[1])
        token, expires = self._tokens.issue(resource, self._about())
        body = {
            "access_token": token,
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
        }
        return Answer(200, body, {"Cache-Control": "no-store"})


def _refuse(status: int, message: str) -> Answer:
    return Answer(status, {"statusCode": status, "message": message})
