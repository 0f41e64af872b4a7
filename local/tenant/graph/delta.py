"""Delta queries on users: the whole directory first, then what has changed since a token.

Sources: https://learn.microsoft.com/graph/delta-query-overview and .../delta-query-users.
As documented there, a page may be empty and still have a next link, and a change may come again:
both happen here at fixed rounds, so that a client meets them and a run can be repeated.
"""

from urllib.parse import quote

from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call
from local.tenant.graph.shapes import context, read_select, show
from local.tenant.opaque import pack, unpack
from local.tenant.tenant import Tenant

PAGE = 200
TOKEN_LIFETIME_SECONDS = 7 * 86_400
_EMPTY_FIRST_EVERY = 4
_REPLAY_EVERY = 5
_SUPPORTED = frozenset({"$deltatoken", "$select", "$skiptoken"})


class GraphDelta:
    """`GET /users/delta`.

    Token contents: `at` position in the directory's change log, `time` of issue, `generation`,
    `select`; a skip token also has `from` and `to`, and for a full read `after`, an index.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._generation = 0
        self._reset_before = 0
        self._expired_before = 0
        self._rounds = 0

    def reset(self) -> None:
        """Make every token issued so far ask for a full read: 410 with a Location."""
        self._generation += 1
        self._reset_before = self._generation

    def expire(self) -> None:
        """Make every token issued so far unknown: 400 syncStateNotFound, as after seven days."""
        self._generation += 1
        self._expired_before = self._generation

    def read(self, call: Call) -> Answer:
        """One page, with the link to the next one or, at the end, to the next round."""
        for name in call.query:
            if name.startswith("$") and name not in _SUPPORTED:
                raise GraphError(
                    400, "BadRequest", f"'{name}' is not supported with the delta function."
                )
        if call.query.get("$skiptoken"):
            state = self._open(call, call.query["$skiptoken"])
            return self._page(call, state)
        token = call.query.get("$deltatoken")
        selected = call.query.get("$select", "")
        read_select(selected)
        now = len(self._tenant.directory.changes)
        if token == "latest":  # noqa: S105 - the documented word for "from now on"
            return self._answer(call, selected, [], None, now)
        if not token:
            return self._page(call, {"select": selected, "after": -1, "to": now})
        state = self._open(call, token)
        return self._begin_round(call, state, now)

    def _begin_round(self, call: Call, state: dict[str, object], now: int) -> Answer:
        start = _whole(state, "at")
        page = {"select": state["select"], "from": start, "to": now}
        if start == now:
            return self._page(call, page)
        self._rounds += 1
        if self._rounds % _REPLAY_EVERY == 0 and start > 0:
            page["from"] = start - 1
        if self._rounds % _EMPTY_FIRST_EVERY == 0:
            return self._answer(call, str(state["select"]), [], page, now)
        return self._page(call, page)

    def _page(self, call: Call, state: dict[str, object]) -> Answer:
        directory, selected = self._tenant.directory, str(state["select"])
        end = _whole(state, "to")
        if "after" in state:
            first = _whole(state, "after") + 1
            chunk = directory.users[first : first + PAGE]
            users = [user for user in chunk if user.deleted_at is None]
            more = first + PAGE < len(directory.users)
            following = {**state, "after": first + PAGE - 1} if more else None
            return self._answer(call, selected, users, following, end)
        start = _whole(state, "from")
        upto = min(end, start + PAGE)
        changed = dict.fromkeys(directory.changes[start:upto])
        following = {**state, "from": upto} if upto < end else None
        return self._answer(call, selected, [directory.users[i] for i in changed], following, end)

    def _answer(
        self,
        call: Call,
        selected: str,
        users: list[User],
        following: dict[str, object] | None,
        end: int,
    ) -> Answer:
        names = read_select(selected)
        names = names if "id" in names else (*names, "id")
        body: dict[str, object] = {
            "@odata.context": context(call.base, names, selected=bool(selected))
        }
        if following is not None:
            body["@odata.nextLink"] = self._link(call, "$skiptoken", following)
        else:
            state: dict[str, object] = {"select": selected, "at": end}
            body["@odata.deltaLink"] = self._link(call, "$deltatoken", state)
        body["value"] = [_show(user, names) for user in users]
        return Answer(200, body)

    def _link(self, call: Call, name: str, state: dict[str, object]) -> str:
        sealed = {**state, "time": self._tenant.clock.now(), "generation": self._generation}
        return f"{call.base}/v1.0/users/delta?{name}={pack(sealed)}"

    def _open(self, call: Call, token: str) -> dict[str, object]:
        state = unpack(token)
        if state is None or not {"select", "time", "generation"} <= set(state):
            raise GraphError(400, "BadRequest", "Badly formed token.")
        dice = self._tenant.dice
        age = self._tenant.clock.now() - float(str(state["time"]))
        generation = _whole(state, "generation")
        if (
            age > TOKEN_LIFETIME_SECONDS
            or generation < self._expired_before
            or (dice.strikes("delta_tokens_expire"))
        ):
            raise GraphError(
                400, "syncStateNotFound", "The sync state is not found: the token has expired."
            )
        if generation < self._reset_before or dice.strikes("delta_resyncs"):
            select = f"&$select={quote(str(state['select']), safe=',')}" if state["select"] else ""
            raise GraphError(
                410,
                "resyncRequired",
                "Resync required. Start again from the address in Location.",
                {"Location": f"{call.base}/v1.0/users/delta?$deltatoken={select}"},
            )
        return state


def _show(user: User, names: tuple[str, ...]) -> dict[str, object]:
    if user.deleted_at is not None:
        return {"id": user.id, "@removed": {"reason": "deleted" if user.purged else "changed"}}
    return {name: value for name, value in show(user, names).items() if value is not None}


def _whole(state: dict[str, object], name: str) -> int:
    value = state.get(name)
    if not isinstance(value, int):
        raise GraphError(400, "BadRequest", "Badly formed token.")
    return value
