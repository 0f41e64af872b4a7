"""Signing in with a device code: what a person's tool asks of the sign-in service, and the person.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

from local.tenant.exchange import Answer, Call, Routes
from local.tenant.identity.tokens import Tokens

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_EXPIRES_SECONDS = 900
_INTERVAL_SECONDS = 1


@dataclass(slots=True)
class _Code:
    """A device code; `state` is pending, approved or declined."""

    user_code: str
    scope: str
    state: str = "pending"


class SignInApi:
    """Discovery, device codes and tokens below `/{tenant}/`, and the person at `/_signin`."""

    def __init__(
        self,
        tenant_id: str,
        account_id: str,
        tokens: Tokens,
        about: Callable[[], Mapping[str, object]],
    ) -> None:
        self._about = about
        self._tenant_id = tenant_id
        self._account_id = account_id
        self._tokens = tokens
        self._codes: dict[str, _Code] = {}
        self._refresh: set[str] = set()
        self._routes = routes = Routes()
        below = f"/{tenant_id}"
        discovery = f"{below}/v2.0/.well-known/openid-configuration"
        routes.add("GET", discovery, "discovery", self._discover)
        routes.add("POST", f"{below}/oauth2/v2.0/devicecode", "device_code", self._begin)
        routes.add("POST", f"{below}/oauth2/v2.0/token", "token", self._token)
        routes.add("POST", "/_signin/{code}/{answer}", "person", self._person)

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        route, params, _ = self._routes.find(call.method, call.path)
        if route is None:
            return _refused("invalid_tenant", "AADSTS90002: there is no such tenant or operation.")
        answer = route.handler(replace(call, params=params))
        if not isinstance(answer, Answer):
            raise TypeError("sign-in handlers answer at once")
        return answer

    def _discover(self, call: Call) -> Answer:
        base = f"{call.base}/{self._tenant_id}"
        return Answer(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        )

    def _begin(self, call: Call) -> Answer:
        device, user = secrets.token_urlsafe(24), secrets.token_hex(4).upper()
        self._codes[device] = _Code(user, _form(call).get("scope", ""))
        where = f"{call.base}/_signin/{user}"
        return Answer(
            200,
            {
                "user_code": user,
                "device_code": device,
                "verification_uri": where,
                "expires_in": _EXPIRES_SECONDS,
                "interval": _INTERVAL_SECONDS,
                "message": f"To sign in, open the page {where} and enter the code {user}.",
            },
        )

    def _person(self, call: Call) -> Answer:
        for code in self._codes.values():
            if code.user_code == call.params["code"] and call.params["answer"] == "approve":
                code.state = "approved"
                return Answer(200, {"state": code.state})
            if code.user_code == call.params["code"] and call.params["answer"] == "decline":
                code.state = "declined"
                return Answer(200, {"state": code.state})
        return Answer(404, {"error": "no such code"})

    def _token(self, call: Call) -> Answer:
        form = _form(call)
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self._refresh:
                return _refused("invalid_grant", "AADSTS70000: the refresh token is not valid.")
            return self._issue(form.get("scope", ""))
        code = self._codes.get(form.get("device_code", ""))
        if form.get("grant_type") != GRANT or code is None:
            return _refused("bad_verification_code", "AADSTS70000: there is no such device code.")
        if code.state == "pending":
            return _refused("authorization_pending", "AADSTS70016: the person has not signed in.")
        if code.state == "declined":
            return _refused("authorization_declined", "AADSTS70017: the person declined.")
        return self._issue(code.scope)

    def _issue(self, scope: str) -> Answer:
        resources = [word for word in scope.split() if word.endswith("/.default")]
        if not resources:
            return _refused("invalid_scope", "AADSTS70011: the scope names no resource.")
        token, _ = self._tokens.issue(resources[0].removesuffix("/.default"), self._about())
        refresh = secrets.token_urlsafe(24)
        self._refresh.add(refresh)
        return Answer(
            200,
            {
                "token_type": "Bearer",
                "scope": scope,
                "expires_in": self._tokens.lifetime,
                "access_token": token,
                "refresh_token": refresh,
                "client_info": _encoded({"uid": self._account_id, "utid": self._tenant_id}),
            },
        )


def _form(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.body.decode()).items()}


def _refused(error: str, said: str) -> Answer:
    return Answer(400, {"error": error, "error_description": said})


def _encoded(content: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
