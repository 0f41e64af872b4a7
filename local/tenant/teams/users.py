"""`/Teams.User/users`: what Get-CsOnlineUser reads, with each user's provider entries.

Source: https://learn.microsoft.com/powershell/module/teams/get-csonlineuser (what the fields mean,
which account types there are, that soft-deleted users are listed). The addresses and the paging
are not documented by Microsoft; see the project's wire table.
"""

from collections.abc import Callable
from itertools import islice
from urllib.parse import quote, urlencode

from local.tenant.clock import stamp
from local.tenant.directory.catalog import (
    CONFERENCING_PLANS,
    MCOEV,
    MCOMEETACPEA,
    ROOM_BASIC,
    ROOM_PRO,
    TEAMS1,
)
from local.tenant.directory.people import User
from local.tenant.errors import TeamsError
from local.tenant.exchange import Answer, Call, read_names
from local.tenant.opaque import pack, unpack
from local.tenant.options import AcpInfo, Continuation
from local.tenant.tenant import Tenant

DEFAULT_PAGE = 100
MAX_PAGE = 1000
_PAY_PER_MINUTE = "Conferencing_RequiresCommunicationCredits"
_PARAMETERS = frozenset({"pagesize", "select", "skiptoken"})


_ROOM_FEATURES = {ROOM_BASIC.id: "TeamsRoomBasic", ROOM_PRO.id: "TeamsRoomPro"}


def features(user: User) -> list[str]:
    """featureTypes: AudioConferencing only once the service has the license.

    Pay-per-minute conferencing alone has a feature of its own.
    """
    enabled = {p["servicePlanId"] for p in user.plans if p["capabilityStatus"] == "Enabled"}
    found = ["Teams"] if TEAMS1.id in enabled else []
    if MCOEV.id in enabled:
        found.append("PhoneSystem")
    if user.provisioned:
        by_minute = enabled & CONFERENCING_PLANS == {MCOMEETACPEA.id}
        found.append(_PAY_PER_MINUTE if by_minute else "AudioConferencing")
    return found + [name for plan, name in _ROOM_FEATURES.items() if plan in enabled]


def _or_null(user: User, found: list[object]) -> list[object] | None:
    return None if user.nulls and not found else found


_FIELDS: dict[str, Callable[[User], object]] = {
    "objectId": lambda u: u.id,
    "identity": lambda u: u.id,
    "userPrincipalName": lambda u: u.upn,
    "sipAddress": lambda u: f"sip:{u.sip}" if u.sip else None,
    "displayName": lambda u: u.display_name,
    "givenName": lambda u: u.given_name,
    "surname": lambda u: u.surname,
    "accountType": lambda u: u.account_type,
    "accountEnabled": lambda u: u.account_enabled,
    "usageLocation": lambda u: u.usage_location,
    "featureTypes": lambda u: _or_null(u, [*features(u)]),
    "effectivePolicyAssignments": lambda _: (),
    "acpInfo": lambda u: _or_null(u, [entry.as_json() for entry in u.entries]),
    "softDeletionTimestamp": lambda u: None if u.deleted_at is None else stamp(u.deleted_at),
}
_BY_LOWER = {name.lower(): name for name in _FIELDS}


class TeamsUsers:
    """The list, page by page, and one user."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def list_users(self, call: Call) -> Answer:
        """`pagesize` users a page."""
        query = {name.lower(): value for name, value in call.query.items()}
        unknown = sorted(set(query) - _PARAMETERS)
        if unknown:
            raise TeamsError("BadRequest", f"Unknown query parameter {unknown[0]!r}.")
        size = _read_size(query.get("pagesize"))
        names = _read_select(query.get("select"))
        users = self._page(_read_token(query.get("skiptoken")), size + 1)
        shown = [self._show(user, names) for user in users[:size]]
        body: dict[str, object] = {"users": shown}
        if len(users) > size:
            body |= self._continuation(call, query, pack({"after": users[size - 1].index}))
        return Answer(200, body)

    def _continuation(self, call: Call, query: dict[str, str], token: str) -> dict[str, object]:
        """Where the next page is, in the form that the options choose."""
        match self._tenant.options.continuation:
            case Continuation.ADDRESS:
                again = urlencode({**query, "skiptoken": token}, quote_via=quote)
                return {"NextLink": f"{call.base}/Teams.User/users?{again}"}
            case Continuation.TOKEN:
                return {"nextLink": token}
            case Continuation.MODULE:
                return {"NextLink": token}

    def get_user(self, call: Call) -> Answer:
        """One user by id or principal name."""
        user = self._tenant.directory.find(call.params["id"])
        if user is None:
            raise TeamsError("UserNotFound", f"There is no user {call.params['id']!r}.")
        return Answer(200, self._show(user, _read_select(call.query.get("select"))))

    def _show(self, user: User, names: tuple[str, ...]) -> dict[str, object]:
        """The fields of a user; provider entries as the options say that they are sent."""
        seen = self._tenant.seen(user)
        shown = {name: _FIELDS[name](seen) for name in names}
        if "acpInfo" in shown and self._tenant.options.acp_info is AcpInfo.NULL:
            shown["acpInfo"] = None
        if self._tenant.options.acp_info is AcpInfo.ABSENT:
            shown.pop("acpInfo", None)
        return shown

    def _page(self, after: int, most: int) -> list[User]:
        everybody = self._tenant.directory.users
        left = (everybody[index] for index in range(after + 1, len(everybody)))
        return list(islice((user for user in left if not user.purged), most))


def _read_size(text: str | None) -> int:
    """A page's size; raises TeamsError naming the parameter."""
    if text is None:
        return DEFAULT_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise TeamsError(
            "BadRequest", f"pagesize must be a number from 1 to {MAX_PAGE}, not {text!r}."
        )
    return int(text)


def _read_token(text: str | None) -> int:
    """The index of the last user before the page that a skiptoken stands for; -1 without a token."""
    if text is None:
        return -1
    after = (unpack(text) or {}).get("after")
    if not isinstance(after, int):
        raise TeamsError("BadRequest", "skiptoken is not one that this service gave out.")
    return after


def _read_select(text: str | None) -> tuple[str, ...]:
    return read_names(text, _BY_LOWER, _no_field) if text else tuple(_FIELDS)


def _no_field(name: str) -> TeamsError:
    return TeamsError("BadRequest", f"select: users have no field {name!r}.")
