"""What a probe asks: every call of docs/wire.md that reads, once or twice, and what is assumed. Pure.

A call that has no entry in `_QUESTIONS` is asked plainly, so that a new one is never forgotten; a test
keeps entries for all that there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.clients import wire
from shared.clients.graph import licensed_filter
from shared.clients.graph_names import address_filter
from shared.clients.wire import CALLS, Call

NOBODY: Final = "00000000-0000-4000-8000-000000000000"
"""An id that nothing in a tenant has."""

_PAGE: Final = "20"
"""Users per page: enough to see which fields come and go, and a second page in most tenants."""

_READ_POSTS: Final = (wire.CHECK_GROUPS,)
"""Calls with a body that change nothing; they are made inside a batch."""

GRAPH_MODELS: Final = "shared/clients/graph_models.py"
TEAMS_MODELS: Final = "shared/clients/teams_models.py"
DOCUMENTED: Final = "shared/clients/teams_documented.py"
SNAPSHOT: Final = "shared/clients/configuration_snapshot.py"
PAGES: Final = "shared/clients/pages.py: _CONTINUATIONS"

_TEXT: Final = "text"
_ID, _USER, _TIME, _LINK = "GUID", "address of a user", "time", "web address"
_WORD, _BOOL, _LIST = "known word", "true or false", "array"
_MAYBE_TEXT: Final = frozenset({_TEXT, "null"})

Expected = Mapping[str, frozenset[str]]
"""By place in an answer (`value[].id`; `?` at the end: it may be absent): types of values, formats of
texts, or `text` for any text."""


def _places(places: Mapping[str, str | frozenset[str]]) -> dict[str, frozenset[str]]:
    return {
        place: frozenset({what}) if isinstance(what, str) else what
        for place, what in places.items()
    }


def _below(prefix: str, places: Expected) -> dict[str, frozenset[str]]:
    return {f"{prefix}{place}": what for place, what in places.items()}


@dataclass(frozen=True, slots=True)
class Question:
    """One question: a call, how it is asked, and what is assumed of its answer.

    key: its name in a file. ids: what stands for an identifier in the path: a name of a sample.
    batched: inside `$batch`. body: of a batched question; `GROUPS` is filled in. listing: it has pages.
    statuses: those assumed. model: the constant to change when a field differs; `call_constant` when
    the status does. otherwise: the same call at another address, which the probe also tries.
    use: of a call that has two.
    """

    key: str
    call: Call
    expected: Expected = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    batched: bool = False
    body: Mapping[str, object] | None = None
    listing: bool = False
    statuses: frozenset[int] = frozenset({200})
    model: str = ""
    path: str = ""
    otherwise: str = ""
    use: str = ""

    def __str__(self) -> str:
        """Return the call, with its use where another question has the same call."""
        return f"{self.call}{self.use}"

    @property
    def teams(self) -> bool:
        """Whether it goes to the Teams admin API."""
        return not self.call.template.startswith("/v1.0/")

    @property
    def call_constant(self) -> str:
        """The constant with verb and path."""
        return wire.constant_of(self.call)


_GRAPH_USER: Final = _places(
    {
        "id": _ID,
        "userPrincipalName": _USER,
        "userType?": frozenset({_WORD, "null"}),
        "usageLocation?": frozenset({"two capital letters", "null"}),
        "assignedPlans": _LIST,
        "assignedPlans[].servicePlanId": _ID,
        "assignedPlans[].capabilityStatus?": frozenset({_WORD, "null"}),
    }
)
_ENTRY: Final = _places(
    {
        "default": _BOOL,
        "name": _TEXT,
        "domain?": _MAYBE_TEXT,
        "tollNumber?": _MAYBE_TEXT,
        "tollFreeNumber?": _MAYBE_TEXT,
        "participantPassCode?": _MAYBE_TEXT,
        "url?": _MAYBE_TEXT,
    }
)
_TEAMS_USER: Final = _places(
    {
        "objectId": _ID,
        "userPrincipalName": _USER,
        "accountType": frozenset({_WORD, "null"}),
        "featureTypes?": frozenset({_LIST, "null"}),
        "featureTypes[]": _TEXT,
        "usageLocation?": frozenset({"two capital letters", "null"}),
        "softDeletionTimestamp?": frozenset({_TIME, "null"}),
        "acpInfo?": frozenset({_LIST, "null"}),
        **_below("acpInfo[].", _ENTRY),
    }
)
_CONFIGURATION: Final = _places(
    {
        "id": _ID,
        "userPrincipalName?": frozenset({_USER, "null"}),
        "accountType": frozenset({_WORD, "null"}),
        "featureTypes?": frozenset({_LIST, "null"}),
        "featureTypes[]": _TEXT,
    }
)
_SUBSCRIPTION: Final = _places(
    {"id": _ID, "expirationDateTime": _TIME, "notificationUrl?": _MAYBE_TEXT}
)
_BRIDGE: Final = _places(
    {
        "[].identity": _TEXT,
        "[].name?": _MAYBE_TEXT,
        "[].serviceNumbers": _LIST,
        "[].serviceNumbers[].number": frozenset({"digits", "number with plus sign", "tel: number"}),
        "[].serviceNumbers[].type?": frozenset({_WORD, "null"}),
    }
)
_EVENTUAL: Final = {"ConsistencyLevel": "eventual"}
_PREFER: Final = {"Prefer": "include-unknown-enum-members"}
_CONFIGURATION_FIELDS: Final = {"$select": "id,userPrincipalName,accountType,featureTypes"}
_FOUND_OR_NOT: Final = frozenset({200, 404})

_QUESTIONS: Final = (
    Question(
        "LIST_USERS",
        wire.LIST_USERS,
        _places({"value": _LIST, "value[].id": _ID, "@odata.count?": "whole"}),
        {
            "$count": "true",
            "$top": _PAGE,
            "$select": "id",
            "$filter": licensed_filter(rooms=False),
        },
        _EVENTUAL,
        listing=True,
        model=f"{GRAPH_MODELS}: UserId",
    ),
    Question(
        "BATCH",
        wire.BATCH,
        _below("responses[].body.", _GRAPH_USER)
        | _places(
            {
                "responses": _LIST,
                "responses[].id": "digits",
                "responses[].status": "whole",
                "responses[].body": "object",
            }
        ),
        {"$select": "id,userPrincipalName,userType,usageLocation,assignedPlans"},
        batched=True,
        path="/users/{user}",
        model=f"{GRAPH_MODELS}: BatchAnswer, User",
    ),
    Question(
        "FIND_USERS",
        wire.FIND_USERS,
        _places({"value": _LIST}) | _below("value[].", _GRAPH_USER),
        {
            "$count": "true",
            "$top": "2",
            "$select": "id,userPrincipalName,userType,usageLocation,assignedPlans",
            "$filter": address_filter(f"{NOBODY}@example.com"),
        },
        _EVENTUAL,
        batched=True,
        path="/v1.0/users",
        model=f"{GRAPH_MODELS}: UserPage, User",
        use=" (by address)",
    ),
    Question(
        "CHECK_GROUPS",
        wire.CHECK_GROUPS,
        _places({"value": _LIST, "value[]": _ID}),
        ids={"id": "user"},
        batched=True,
        body={"groupIds": "GROUPS"},
        statuses=_FOUND_OR_NOT,
        model=f"{GRAPH_MODELS}: GroupIds",
    ),
    Question(
        "GET_GROUP",
        wire.GET_GROUP,
        _places({"id": _ID, "visibility?": frozenset({_WORD, "null"})}),
        {"$select": "id,visibility"},
        ids={"id": "group"},
        batched=True,
        statuses=_FOUND_OR_NOT,
        model=f"{GRAPH_MODELS}: Group",
    ),
    Question(
        "GROUP_MEMBERS",
        wire.GROUP_MEMBERS,
        _places({"value": _LIST, "value[].id": _ID}),
        {"$count": "true", "$top": _PAGE, "$select": "id"},
        _EVENTUAL,
        {"id": "group"},
        listing=True,
        statuses=_FOUND_OR_NOT,
        model=f"{GRAPH_MODELS}: UserId",
    ),
    Question(
        "LIST_SUBSCRIPTIONS",
        wire.LIST_SUBSCRIPTIONS,
        _places({"value": _LIST}) | _below("value[].", _SUBSCRIPTION),
        model=f"{GRAPH_MODELS}: Subscription",
    ),
    Question(
        "DELTA",
        wire.DELTA,
        _places({"value": _LIST, "value[].id": _ID, "@odata.deltaLink": _LINK}),
        {"$select": "id,assignedPlans", "$deltatoken": "latest"},
        model=f"{GRAPH_MODELS}: DeltaUser",
    ),
    Question(
        "LIST_CONFIGURATIONS",
        wire.LIST_CONFIGURATIONS,
        _places({"value": _LIST}) | _below("value[].", _CONFIGURATION),
        {**_CONFIGURATION_FIELDS, "$top": _PAGE},
        _PREFER,
        listing=True,
        model=f"{DOCUMENTED}: UserConfiguration",
    ),
    Question(
        "GET_CONFIGURATION",
        wire.GET_CONFIGURATION,
        _CONFIGURATION,
        _CONFIGURATION_FIELDS,
        _PREFER,
        {"id": "user"},
        batched=True,
        model=f"{DOCUMENTED}: UserConfiguration",
    ),
    # A job is made by a call that writes: so a job that does not exist is requested, and 404 is assumed.
    Question(
        "GET_SNAPSHOT_JOB",
        wire.GET_SNAPSHOT_JOB,
        ids={"id": "nobody"},
        statuses=frozenset({404}),
        model=f"{SNAPSHOT}: SnapshotJob",
    ),
    Question(
        "GET_SNAPSHOT",
        wire.GET_SNAPSHOT,
        ids={"id": "nobody"},
        statuses=frozenset({404}),
        model=f"{SNAPSHOT}: Snapshot",
    ),
    Question(
        "DISCOVER",
        wire.DISCOVER,
        _places(
            {
                "Endpoints": "object",
                "Endpoints.AdminServiceEndpoint": "name of a host",
                "Headers": "object",
                "Headers.X-MS-Forest": _TEXT,
            }
        ),
        model=f"{TEAMS_MODELS}: Discovery",
    ),
    Question(
        "LIST_TEAMS_USERS",
        wire.LIST_TEAMS_USERS,
        _places({"users": _LIST}) | _below("users[].", _TEAMS_USER),
        {"pagesize": _PAGE, "select": wire.USER_FIELDS},
        listing=True,
        model=f"{TEAMS_MODELS}: TeamsUser",
    ),
    Question(
        "GET_TEAMS_USER",
        wire.GET_TEAMS_USER,
        _TEAMS_USER,
        ids={"id": "teams user"},
        model=f"{TEAMS_MODELS}: TeamsUser",
    ),
    Question(
        "LIST_PROVIDERS",
        wire.LIST_PROVIDERS,
        _places({"[].name": _TEXT, "[].domain?": _MAYBE_TEXT, "[].url?": _MAYBE_TEXT}),
        model=f"{TEAMS_MODELS}: PROVIDER",
    ),
    Question(
        "LIST_BRIDGES",
        wire.LIST_BRIDGES,
        _BRIDGE,
        model=f"{TEAMS_MODELS}: Bridge, ServiceNumber",
        otherwise="/Teams.Cpc/bridges",
    ),
    Question(
        "TENANT_SETTINGS",
        wire.TENANT_SETTINGS,
        _places(
            {
                "[].AutomaticallyReplaceAcpProvider": _BOOL,
                "[].AutomaticallySendEmailsToUsers": _BOOL,
                "[].AutomaticallyMigrateUserMeetings": _BOOL,
            }
        ),
        model=f"{TEAMS_MODELS}: ConferencingSettings",
    ),
)


def reads(call: Call) -> bool:
    """Return whether a call only reads."""
    return call.method == "GET" or call in (wire.BATCH, *_READ_POSTS)


def questions() -> tuple[Question, ...]:
    """Return the questions, one for each call that reads; calls without an entry are asked plainly."""
    known = {question.call for question in _QUESTIONS}
    plain = tuple(
        Question(
            wire.constant_of(call).rpartition(" ")[2],
            call,
            ids={"id": "teams user" if call.template.startswith("/Teams") else "user"},
        )
        for call in CALLS
        if reads(call) and call not in known
    )
    return _QUESTIONS + plain
