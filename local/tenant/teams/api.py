"""The Teams admin API: its addresses, and what every call to it goes through."""

import uuid
from collections.abc import Awaitable
from dataclasses import replace
from urllib.parse import urlsplit

from local.tenant.errors import FAULT_CODES, TeamsError
from local.tenant.exchange import Answer, Call, Routes
from local.tenant.faults.throttle import Bucket
from local.tenant.identity.rights import TEAMS_ROLES, read_caller
from local.tenant.identity.tokens import TEAMS, TokenError, Tokens
from local.tenant.teams.cpc import TeamsCpc
from local.tenant.teams.users import TeamsUsers
from local.tenant.tenant import Tenant

SERVICE = "teams"
FOREST = "0n"
DISCOVERY = "/Teams.Tenant/serviceDiscovery"
DEMANDED = ("X-MS-Target-Uri", "X-MS-Correlation-Id", "X-MS-CmdletName", "X-MS-Forest")
_SETTINGS = "/Skype.Policy/configurations/OnlineDialInConferencingTenantSettings"


class TeamsApi:
    """Answers calls to `/Teams.*` and `/Skype.Policy/...`."""

    def __init__(self, tenant: Tenant, tokens: Tokens) -> None:
        self._tenant = tenant
        self._tokens = tokens
        rate, burst = tenant.options.teams_rate, float(tenant.options.teams_burst)
        self._bucket = Bucket(burst, burst / rate, tenant.clock.now()) if rate else None
        users, cpc = TeamsUsers(tenant), TeamsCpc(tenant)
        self._routes = routes = Routes()
        routes.add("GET", DISCOVERY, "service_discovery", _discover)
        routes.add("GET", "/Teams.User/users", "list_users", users.list_users)
        routes.add("GET", "/Teams.User/users/{id}", "get_user", users.get_user)
        verb = tenant.options.set_verb
        routes.add(verb, "/Teams.Cpc/users/{id}", "set_conferencing_user", cpc.set_user)
        routes.add("GET", "/Teams.Cpc/users/{id}", "get_conferencing_user", cpc.get_user)
        routes.add("GET", "/Teams.Cpc/providers", "providers", cpc.providers)
        routes.add("GET", "/Teams.Cpc/bridges", "bridges", cpc.bridges)
        routes.add("GET", _SETTINGS, "tenant_settings", self._list_settings)

    async def answer(self, call: Call) -> Answer:
        """Answer one call."""
        self._tenant.provisioning.settle()
        route, params, allowed = self._routes.find(call.method, call.path)
        operation = route.operation if route else "unknown"
        try:
            self._check(call)
            if route is None:
                raise _no_route(call, allowed)
            self._throttle()
            answer = route.handler(replace(call, params=params))
            result = await answer if isinstance(answer, Awaitable) else answer
        except TeamsError as error:
            body = {"code": error.code, "message": error.message}
            result = Answer(error.status, body, error.headers)
        self._tenant.ledger.called(SERVICE, operation, result.status)
        correlation = call.headers.get("x-ms-correlation-id") or str(uuid.uuid4())
        return replace(result, headers={**result.headers, "X-MS-Correlation-Id": correlation})

    def _check(self, call: Call) -> None:
        try:
            claims = self._tokens.check(call.headers.get("authorization"), TEAMS)
        except TokenError as error:
            raise TeamsError("Unauthorized", str(error), {"WWW-Authenticate": "Bearer"}) from None
        enforced = self._tenant.options.enforce_permissions
        if enforced and not read_caller(claims).roles & TEAMS_ROLES:
            raise TeamsError("Forbidden", "The caller has no role that permits this.")
        if call.path.rstrip("/") == DISCOVERY:
            return
        missing = [name for name in DEMANDED if not call.headers.get(name.lower())]
        if missing:
            raise TeamsError("MissingHeader", f"Header {missing[0]} is missing.")

    def _throttle(self) -> None:
        """Refuse calls that come too fast, and those that the faults refuse."""
        wait = self._bucket.take(1, self._tenant.clock.now()) if self._bucket else None
        if wait is not None:
            raise TeamsError("TooManyRequests", "Too many requests.", {"Retry-After": str(wait)})
        refusal = self._tenant.dice.refusal("teams")
        if refusal is not None:
            status, headers = refusal
            raise TeamsError(FAULT_CODES[status], "An injected fault.", headers)

    def _list_settings(self, _: Call) -> Answer:
        return Answer(200, [self._tenant.settings.as_json()])


def _discover(call: Call) -> Answer:
    host = urlsplit(call.base).netloc
    return Answer(
        200,
        {
            "Endpoints": {"ConfigApiEndpoint": host, "AdminServiceEndpoint": host},
            "Headers": {"X-MS-Forest": FOREST},
        },
    )


def _no_route(call: Call, allowed: set[str]) -> TeamsError:
    if allowed:
        return TeamsError(
            "MethodNotAllowed",
            f"{call.method} is not supported for {call.path}.",
            {"Allow": ", ".join(sorted(allowed))},
        )
    return TeamsError("NotFound", f"There is nothing at {call.path}.")
