"""Microsoft Graph v1.0: its addresses, and what every call to it goes through.

Source: https://learn.microsoft.com/graph/errors (the error envelope and the request ids)
"""

import re
import uuid
from collections.abc import Awaitable
from dataclasses import replace

from local.tenant.clock import stamp
from local.tenant.errors import FAULT_CODES, GraphError
from local.tenant.exchange import Answer, Call, Routes
from local.tenant.faults.throttle import GraphLimits
from local.tenant.graph.applications import GraphApplications
from local.tenant.graph.batch import GraphBatch
from local.tenant.graph.configurations import TeamsConfigurations
from local.tenant.graph.delta import GraphDelta
from local.tenant.graph.groups import GraphGroups
from local.tenant.graph.licenses import GraphLicenses
from local.tenant.graph.principals import GraphPrincipals
from local.tenant.graph.roles import GraphRoles
from local.tenant.graph.snapshots import ConfigurationSnapshots
from local.tenant.graph.subscriptions import GraphSubscriptions
from local.tenant.graph.users import GraphUsers
from local.tenant.graph.writes import GraphWrites
from local.tenant.identity.rights import denied, may_call, read_caller
from local.tenant.identity.tokens import GRAPH, TokenError, Tokens
from local.tenant.notifications.notifier import Notifier
from local.tenant.tenant import Tenant

SERVICE = "graph"
_KEY = re.compile(r"/users\('((?:[^']|'')+)'\)(?=/|$)")


class GraphApi:
    """Answers Graph calls; `delta` is public because the control API ends its tokens."""

    def __init__(self, tenant: Tenant, tokens: Tokens, notifier: Notifier) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._limits = GraphLimits(
            on=tenant.options.graph_limits, users=tenant.options.users, now=tenant.clock.now()
        )
        self.delta = GraphDelta(tenant)
        self._routes = _routes(
            users=GraphUsers(tenant),
            writes=GraphWrites(tenant),
            licenses=GraphLicenses(tenant),
            groups=GraphGroups(tenant),
            subscriptions=GraphSubscriptions(tenant, notifier),
            delta=self.delta,
            principals=GraphPrincipals(tenant),
            roles=GraphRoles(tenant),
            batch=GraphBatch(tenant.options.seed, self._answer_inner),
        )
        GraphApplications(tenant).add_to(self._routes)
        if tenant.options.documented_api:
            TeamsConfigurations(tenant).add_to(self._routes)
            ConfigurationSnapshots(tenant).add_to(self._routes)

    async def answer(self, call: Call) -> Answer:
        """Answer one call that came over HTTP."""
        try:
            claims = self._tokens.check(call.headers.get("authorization"), GRAPH)
        except TokenError as error:
            refusal = GraphError(401, error.code, str(error), {"WWW-Authenticate": error.challenge})
            self._tenant.ledger.called(SERVICE, "unauthorized", refusal.status)
            return self._with_ids(call, self._refusal(call, refusal))
        known = replace(call, caller=read_caller(claims))
        return self._with_ids(known, await self._dispatch(known))

    async def _answer_inner(self, call: Call) -> Answer:
        """Answer one call of a batch."""
        if call.path.rstrip("/").lower() == "/$batch":
            return self._refusal(
                call, GraphError(400, "BadRequest", "A batch cannot contain a batch.")
            )
        return await self._dispatch(call)

    async def _dispatch(self, call: Call) -> Answer:
        self._tenant.provisioning.settle()
        route, params, allowed = self._routes.find(call.method, by_key(call.path))
        operation = route.operation if route else "unknown"
        headers: dict[str, str] = {}
        try:
            if call.path.startswith("/users/$") and operation != "count_users":
                raise GraphError(
                    400, "Request_BadRequest", "Unrecognized query segment in the path."
                )
            if route is None:
                raise _no_route(call, allowed)
            wait, headers = self._limits.charge(call, route, self._tenant.clock.now())
            if wait is not None:
                raise GraphError(429, "TooManyRequests", "Too many requests.")
            if operation != "batch":
                self._suffer()
            if self._tenant.options.enforce_permissions and not may_call(call.caller, operation):
                raise denied()
            answer = route.handler(replace(call, params=params))
            result = await answer if isinstance(answer, Awaitable) else answer
        except GraphError as error:
            result = self._refusal(call, error)
        self._tenant.ledger.called(SERVICE, operation, result.status)
        return replace(result, headers={**result.headers, **headers})

    def _suffer(self) -> None:
        """Raise what the faults have for this call, before anything is done."""
        refusal = self._tenant.dice.refusal("graph")
        if refusal is not None:
            status, headers = refusal
            raise GraphError(status, FAULT_CODES[status], "An injected fault.", headers)

    def _refusal(self, call: Call, error: GraphError) -> Answer:
        request_id = str(uuid.uuid4())
        inner = {
            "date": stamp(self._tenant.clock.now()).rstrip("Z"),
            "request-id": request_id,
            "client-request-id": call.headers.get("client-request-id", request_id),
        }
        body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
        return Answer(error.status, body, {**error.headers, "request-id": request_id})

    def _with_ids(self, call: Call, answer: Answer) -> Answer:
        request_id = answer.headers.get("request-id") or str(uuid.uuid4())
        ids = {
            "request-id": request_id,
            "client-request-id": call.headers.get("client-request-id", request_id),
            "OData-Version": "4.0",
        }
        return replace(answer, headers={**answer.headers, **ids})


def by_key(path: str) -> str:
    """The path with `/users('key')` as `/users/key`; a quote in the key is doubled there."""
    match = _KEY.match(path)
    if match is None:
        return path
    return f"/users/{match[1].replace("''", "'")}{path[match.end() :]}"


def _no_route(call: Call, allowed: set[str]) -> GraphError:
    if allowed:
        return GraphError(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
            {"Allow": ", ".join(sorted(allowed))},
        )
    return GraphError(
        400, "BadRequest", f"Resource not found for the segment '{call.path.strip('/')}'."
    )


def _routes(
    *,
    users: GraphUsers,
    writes: GraphWrites,
    licenses: GraphLicenses,
    groups: GraphGroups,
    subscriptions: GraphSubscriptions,
    delta: GraphDelta,
    principals: GraphPrincipals,
    roles: GraphRoles,
    batch: GraphBatch,
) -> Routes:
    """Every address; the number is its cost in resource units before $select and $top.

    Source of the costs: https://learn.microsoft.com/graph/throttling-limits, identity and access
    """
    routes = Routes()
    add = routes.add
    add("POST", "/$batch", "batch", batch.run, 0)
    add("GET", "/users", "list_users", users.list_users, 2)
    add("GET", "/users/$count", "count_users", users.count_users)
    for name in ("delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"):
        add("GET", f"/users/{name}", "users_delta", delta.read)
    add("GET", "/users/{id}", "get_user", users.get_user)
    add("PATCH", "/users/{id}", "update_user", writes.update)
    add("DELETE", "/users/{id}", "delete_user", writes.delete)
    for prefix in ("", "microsoft.graph."):
        add("POST", f"/users/{{id}}/{prefix}assignLicense", "assign_license", licenses.assign)
        add(
            "POST",
            f"/users/{{id}}/{prefix}reprocessLicenseAssignment",
            "reprocess_license",
            licenses.reprocess,
        )
        add(
            "POST",
            f"/users/{{id}}/{prefix}checkMemberGroups",
            "check_groups",
            groups.check,
            reads=True,
        )
    add("POST", "/groups", "create_group", groups.create)
    add("GET", "/groups/{id}", "get_group", groups.get)
    add("POST", "/groups/{id}/members/$ref", "add_member", groups.add_member)
    for kind in ("microsoft.graph.user", "graph.user"):
        path = f"/groups/{{id}}/transitiveMembers/{kind}"
        add("GET", path, "group_members", groups.transitive_users)
    add("GET", "/subscriptions", "list_subscriptions", subscriptions.list_all)
    add("POST", "/subscriptions", "create_subscription", subscriptions.create)
    add("GET", "/subscriptions/{id}", "get_subscription", subscriptions.get)
    add("PATCH", "/subscriptions/{id}", "renew_subscription", subscriptions.renew)
    add("DELETE", "/subscriptions/{id}", "delete_subscription", subscriptions.delete)
    add("DELETE", "/directory/deletedItems/{id}", "purge_user", writes.purge)
    add("GET", "/servicePrincipals(appId='{app_id}')", "get_principal", principals.get_by_app)
    add("GET", "/servicePrincipals/{id}", "get_principal", principals.get)
    given = "/servicePrincipals/{id}/appRoleAssignments"
    add("GET", given, "list_app_roles", principals.assignments)
    add("POST", given, "grant_app_role", principals.grant)
    add("DELETE", f"{given}/{{assignment}}", "revoke_app_role", principals.revoke)
    management = "/roleManagement/directory"
    add("GET", f"{management}/roleDefinitions", "role_definitions", roles.definitions)
    add("GET", f"{management}/roleAssignments", "list_role_assignments", roles.assignments)
    add("POST", f"{management}/roleAssignments", "assign_role", roles.assign)
    return routes
