"""`/Teams.User/users`: what Get-CsOnlineUser reads, with each user's provider entries.

Source: https://learn.microsoft.com/powershell/module/teams/get-csonlineuser (what the fields mean,
which account types there are, that soft-deleted users are listed). The addresses and the paging
are not documented by Microsoft; see the project's wire table.
"""

import re
from collections.abc import Callable
from urllib.parse import quote, urlencode

from local.tenant.clock import stamp
from local.tenant.directory.catalog import MCOEV, TEAMS1
from local.tenant.directory.people import User
from local.tenant.errors import TeamsError
from local.tenant.exchange import Answer, Call
from local.tenant.opaque import pack, unpack
from local.tenant.tenant import Tenant

DEFAULT_PAGE = 100
MAX_PAGE = 1000
_PARAMETERS = frozenset({"filter", "pagesize", "select", "skiptoken", "top"})
_CLAUSE = re.compile(r"^\s*(\w+)\s+-?eq\s+(?:'((?:[^']|'')*)'|\"([^\"]*)\"|(\w+))\s*$", re.I)


def features(user: User) -> list[str]:
    """featureTypes: AudioConferencing only once the service has the license."""
    enabled = {p["servicePlanId"] for p in user.plans if p["capabilityStatus"] == "Enabled"}
    found = ["Teams"] if TEAMS1.id in enabled else []
    if MCOEV.id in enabled:
        found.append("PhoneSystem")
    if user.provisioned:
        found.append("AudioConferencing")
    return found


_FIELDS: dict[str, Callable[[User], object]] = {
    "objectId": lambda u: u.id,
    "identity": lambda u: u.id,
    "userPrincipalName": lambda u: u.upn,
    "sipAddress": lambda u: f"sip:{u.upn}",
    "displayName": lambda u: u.display_name,
    "givenName": lambda u: u.given_name,
    "surname": lambda u: u.surname,
    "accountType": lambda u: u.account_type,
    "accountEnabled": lambda u: u.account_enabled,
    "usageLocation": lambda u: u.usage_location,
    "featureTypes": features,
    "effectivePolicyAssignments": lambda _: (),
    "acpInfo": lambda u: [entry.as_json() for entry in u.entries],
    "softDeletionTimestamp": lambda u: None if u.deleted_at is None else stamp(u.deleted_at),
}
_BY_LOWER = {name.lower(): name for name in _FIELDS}
_FILTERABLE = frozenset(
    {"objectId", "identity", "userPrincipalName", "displayName", "accountType", "usageLocation"}
)


class TeamsUsers:
    """The list, page by page, and one user."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def list_users(self, call: Call) -> Answer:
        """`pagesize` users a page; `top` is the most there are in all pages together."""
        query = {name.lower(): value for name, value in call.query.items()}
        unknown = sorted(set(query) - _PARAMETERS)
        if unknown:
            raise TeamsError("BadRequest", f"Unknown query parameter {unknown[0]!r}.")
        size = read_number(query, "pagesize", DEFAULT_PAGE, MAX_PAGE)
        names = _read_select(query.get("select"))
        test = _read_filter(query.get("filter"))
        state = read_token(query.get("skiptoken"))
        left = state.get("left") or read_number(query, "top", 10**9, 10**9)
        users, last = self._page(test, state.get("after", -1), min(size, left))
        body: dict[str, object] = {
            "users": [_show(self._tenant.seen(user), names) for user in users]
        }
        if last is not None and left > len(users):
            following = {"after": last}
            if "top" in query:
                following["left"] = left - len(users)
            again = {**query, "skiptoken": pack(dict(following))}
            body["NextLink"] = next_link(call, "/Teams.User/users", again)
        return Answer(200, body)

    def get_user(self, call: Call) -> Answer:
        """One user by id or principal name."""
        user = self._tenant.known_to_teams(call.params["id"])
        if user is None:
            raise TeamsError("UserNotFound", f"There is no user {call.params['id']!r}.")
        shown = _show(self._tenant.seen(user), _read_select(call.query.get("select")))
        return Answer(200, shown)

    def _page(
        self, test: Callable[[User], bool] | None, after: int, size: int
    ) -> tuple[list[User], int | None]:
        now = self._tenant.clock.now()
        found: list[User] = []
        everybody = self._tenant.directory.users
        for index in range(after + 1, len(everybody)):
            user = everybody[index]
            if user.purged or user.known_from > now or (test and not test(user)):
                continue
            if len(found) == size:
                return found, found[-1].index
            found.append(user)
        return found, None


def next_link(call: Call, path: str, query: dict[str, str]) -> str:
    """An absolute address on the host that the client called."""
    return f"{call.base}{path}?{urlencode(query, quote_via=quote)}"


def read_number(query: dict[str, str], name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`; raises TeamsError naming the parameter."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise TeamsError("BadRequest", f"{name} must be a number from 1 to {most}, not {text!r}.")
    return int(text)


def read_token(text: str | None) -> dict[str, int]:
    """What a skiptoken holds: whole numbers by name, nothing without a token."""
    if text is None:
        return {}
    state = unpack(text)
    if state is None or not isinstance(state.get("after"), int):
        raise TeamsError("BadRequest", "skiptoken is not one that this service gave out.")
    return {name: value for name, value in state.items() if isinstance(value, int)}


def _show(user: User, names: tuple[str, ...]) -> dict[str, object]:
    return {name: _FIELDS[name](user) for name in names}


def _read_select(text: str | None) -> tuple[str, ...]:
    if not text:
        return tuple(_FIELDS)
    names: dict[str, None] = {}
    for part in text.split(","):
        name = _BY_LOWER.get(part.strip().lower())
        if name is None:
            raise TeamsError("BadRequest", f"select: users have no field {part.strip()!r}.")
        names[name] = None
    return tuple(names)


def _read_filter(text: str | None) -> Callable[[User], bool] | None:
    """`field eq 'value'`, several joined by `and`, also with dashes as in PowerShell."""
    if not text:
        return None
    wanted: list[tuple[Callable[[User], object], str]] = []
    for clause in re.split(r"\s+-?and\s+", text, flags=re.I):
        match = _CLAUSE.match(clause)
        name = _BY_LOWER.get(match.group(1).lower()) if match else None
        if match is None or name not in _FILTERABLE:
            raise TeamsError("BadRequest", f"filter: {clause.strip()!r} is not supported.")
        value = next(group for group in match.groups()[1:] if group is not None)
        wanted.append((_FIELDS[name], value.replace("''", "'").lower()))
    return lambda user: all(str(get(user) or "").lower() == value for get, value in wanted)
