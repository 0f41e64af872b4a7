"""Reading users: the list with its filter, count and pages, and one user.

Sources: https://learn.microsoft.com/graph/api/user-list,
https://learn.microsoft.com/graph/paging, https://learn.microsoft.com/graph/aad-advanced-queries
"""

from bisect import bisect_right
from urllib.parse import quote, urlencode

from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.filter import Filter, read_filter
from local.tenant.graph.shapes import context, read_select, show
from local.tenant.opaque import pack, unpack
from local.tenant.tenant import Tenant

DEFAULT_PAGE = 100
MAX_PAGE = 999
_SUPPORTED = frozenset({"$count", "$filter", "$format", "$select", "$skiptoken", "$top"})


def not_found(key: str) -> GraphError:
    """The refusal for an id that nothing has."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are "
        "not present.",
    )


def find_user(tenant: Tenant, key: str) -> User:
    """The user with that id or principal name; raises GraphError 404."""
    user = tenant.directory.find(key)
    if user is None:
        raise not_found(key)
    return user


class GraphUsers:
    """`GET /users`, `GET /users/$count` and `GET /users/{id or userPrincipalName}`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._matches: dict[str, tuple[tuple[int, int], list[int]]] = {}

    def list_users(self, call: Call) -> Answer:
        """A page of users, 100 unless `$top` says otherwise, with a link to the next one."""
        _refuse_unsupported(call)
        selected = read_select(call.query.get("$select"))
        advanced = call.headers.get("consistencylevel", "").lower() == "eventual"
        counted = call.query.get("$count", "").lower() == "true"
        check_page_token(self._tenant, call, eventual=advanced)
        wanted = self._filter(call, allowed=advanced and counted)
        size = page_size(call.query.get("$top"))
        users, total, last = self._page(call, wanted, size)
        body: dict[str, object] = {
            "@odata.context": context(call.base, selected, selected="$select" in call.query)
        }
        if counted and advanced and "$skiptoken" not in call.query:
            body["@odata.count"] = total
        if last is not None:
            query = {**call.query, "$skiptoken": pack({"after": last, "eventual": advanced})}
            text = urlencode(query, quote_via=quote, safe="$,():/'=-~_.*!")
            body["@odata.nextLink"] = f"{call.base}/v1.0/users?{text}"
        seen = self._tenant.seen
        body["value"] = [show(seen(user), selected) for user in users]
        return Answer(200, body)

    def count_users(self, call: Call) -> Answer:
        """The number of users, as text; only with ConsistencyLevel."""
        if call.headers.get("consistencylevel", "").lower() != "eventual":
            raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")
        return Answer(200, text=str(len(self._matching(self._filter(call, allowed=True), call))))

    def get_user(self, call: Call) -> Answer:
        """One user."""
        selected = read_select(call.query.get("$select"))
        user = self._tenant.seen(find_user(self._tenant, call.params["id"]))
        where = context(call.base, selected, selected="$select" in call.query, entity=True)
        return Answer(200, {"@odata.context": where, **show(user, selected)})

    def _filter(self, call: Call, *, allowed: bool) -> Filter | None:
        text = call.query.get("$filter", "")
        if not text.strip():
            return None
        wanted = read_filter(text)
        if wanted.advanced and not allowed:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                "Unsupported query: the filter needs the header ConsistencyLevel: eventual and "
                "the query parameter $count=true.",
            )
        return wanted

    def _page(
        self, call: Call, wanted: Filter | None, size: int
    ) -> tuple[list[User], int, int | None]:
        """The users of the page, how many there are in all, and the last index if more follow.

        A page begins after an index and not at an offset, so that users licensed or deleted while
        somebody pages shift nobody into a page already read.
        """
        indexes = self._matching(wanted, call)
        start = bisect_right(indexes, read_after(call.query.get("$skiptoken")))
        chosen = indexes[start : start + size]
        more = start + size < len(indexes)
        everybody = self._tenant.directory.users
        return [everybody[i] for i in chosen], len(indexes), chosen[-1] if more else None

    def _matching(self, wanted: Filter | None, call: Call) -> list[int]:
        """The indexes of all users that match, kept until the directory changes."""
        directory = self._tenant.directory
        if wanted is not None and wanted.exact and wanted.plans is not None:
            return directory.with_enabled(wanted.plans)
        key = call.query.get("$filter", "") if wanted else ""
        version = (len(directory.changes), len(directory.users))
        known, indexes = self._matches.get(key, ((-1, -1), []))
        if known != version:
            candidates = directory.users
            if wanted is not None and wanted.plans is not None:
                candidates = [directory.users[i] for i in directory.with_enabled(wanted.plans)]
            elif wanted is not None and wanted.addresses is not None:
                candidates = directory.with_address(wanted.addresses)
            indexes = [
                user.index
                for user in candidates
                if user.deleted_at is None and (wanted is None or wanted.test(user))
            ]
            if len(self._matches) > 50:  # noqa: PLR2004 - filters by name are never seen again
                self._matches.clear()
            self._matches[key] = (version, indexes)
        return indexes


def _refuse_unsupported(call: Call) -> None:
    for name in call.query:
        if name == "$skip":
            raise GraphError(400, "Request_BadRequest", "'$skip' is not supported by the service.")
        if name.startswith("$") and name not in _SUPPORTED:
            raise GraphError(
                400, "Request_UnsupportedQuery", f"The query parameter '{name}' is not supported."
            )


def page_size(text: str | None) -> int:
    """The size that `$top` asks for, 100 without it; raises GraphError 400."""
    if text is None:
        return DEFAULT_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            f"Invalid page size specified: '{text}'. Must be between 1 and {MAX_PAGE} inclusive.",
        )
    return int(text)


def check_page_token(tenant: Tenant, call: Call, *, eventual: bool) -> None:
    """Refuse a next page whose token has expired, or that lacks the header of the first page."""
    token = call.query.get("$skiptoken")
    if token is None:
        return
    if tenant.dice.strikes("page_tokens_expire", "graph"):
        raise GraphError(400, "Directory_ExpiredPageToken", "The specified page token has expired.")
    if (unpack(token) or {}).get("eventual") and not eventual:
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            "The page token is of a query with the header ConsistencyLevel: eventual, which is "
            "missing.",
        )


def read_after(token: str | None) -> int:
    """The index that a skip token made by this tenant carries, -1 without one."""
    if token is None:
        return -1
    after = (unpack(token) or {}).get("after")
    if not isinstance(after, int):
        raise GraphError(
            400, "Directory_ExpiredPageToken", "The specified page token value is not valid."
        )
    return after
