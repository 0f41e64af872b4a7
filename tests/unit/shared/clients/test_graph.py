"""The Graph client: what it asks for, and how it takes what comes back."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.clients.graph_models import DeltaUser
from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.user import DirectoryUser, PlanStatus
from shared.errors import (
    AccessDeniedError,
    ContractError,
    ExpiredError,
    NotFoundError,
    RejectedError,
    ServiceError,
    SettingsError,
    ThrottledError,
)
from shared.telemetry.operation import operation
from tests.fakes import guid
from tests.unit.shared.clients.services import ORIGIN, Recorder

PLAN = "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40"
ROOM = "8081ca9c-188c-4b49-a8e5-c23b5e9463a8"


def graph_user(number: int, **fields: Any) -> dict[str, Any]:
    """A user as Graph sends it."""
    plan = {"servicePlanId": PLAN, "capabilityStatus": "Enabled", "service": "x"}
    return {
        "id": guid(number),
        "userPrincipalName": f"user{number}@contoso.example",
        "userType": "Member",
        "usageLocation": "US",
        "assignedPlans": [plan],
        "somethingNew": {"of": "2027"},
        **fields,
    }


def batch(request: httpx.Request, inner: dict[str, list[dict[str, Any]]]) -> httpx.Response:
    """Answer a batch from `inner` (user id -> answers in turn), in reverse order as Graph may."""
    responses = []
    for item in json.loads(request.content)["requests"]:
        user = item["url"].split("?")[0].removeprefix("/users/")
        answers = inner[user]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        responses.append({"id": item["id"], **answer})
    return httpx.Response(200, json={"responses": responses[::-1]})


async def test_batch_gives_each_user_its_own_answer() -> None:
    """One call reads many users; one's trouble is its own."""
    inner: dict[str, list[dict[str, Any]]] = {
        guid(1): [{"status": 200, "body": graph_user(1)}],
        guid(2): [{"status": 404, "body": {"error": {"code": "Request_ResourceNotFound"}}}],
        guid(3): [{"status": 200, "body": {"id": guid(3)}}],
        guid(4): [{"status": 400, "body": {"error": {"code": "BadRequest"}}}],
    }
    recorder = Recorder(lambda request: batch(request, inner))
    found = await recorder.graph().users([guid(number) for number in (1, 2, 3, 4)])
    assert len(recorder.requests) == 1
    expected = DirectoryUser(
        guid(1), "user1@contoso.example", PlanStatus.ENABLED, usage_location="US"
    )
    assert found[guid(1)] == expected
    assert isinstance(found[guid(2)], NotFoundError)
    assert isinstance(found[guid(3)], ContractError)
    assert "userPrincipalName" in str(found[guid(3)])
    assert isinstance(found[guid(4)], RejectedError)


async def test_throttled_inner_answers_are_asked_for_again_alone() -> None:
    """A 429 inside a batch is obeyed, and only its users are asked for again."""
    inner: dict[str, list[dict[str, Any]]] = {
        guid(1): [{"status": 200, "body": graph_user(1)}],
        guid(2): [
            {"status": 429, "headers": {"Retry-After": "9"}, "body": {}},
            {"status": 200, "body": graph_user(2)},
        ],
        guid(3): [{"status": 429, "body": {}}],
    }
    recorder = Recorder(lambda request: batch(request, inner))
    found = await recorder.graph().users([guid(1), guid(2), guid(3)])
    sizes = [len(json.loads(request.content)["requests"]) for request in recorder.requests]
    assert sizes == [3, 2, 1]
    assert isinstance(found[guid(2)], DirectoryUser)
    assert isinstance(found[guid(3)], ThrottledError)
    assert recorder.clock.passed >= 9


async def test_a_batch_with_throttled_answers_slows_down_though_it_waited_in_line() -> None:
    """It had to wait out a pause: what is refused inside counts all the same, and is no good answer."""
    inner = {guid(1): [{"status": 429, "headers": {"Retry-After": "1"}, "body": {}}]}
    recorder = Recorder(lambda request: batch(request, inner))
    recorder.limiter.throttled(recorder.clock.monotonic(), 5)
    before = recorder.limiter.rate
    await recorder.graph().users([guid(1)])
    assert before is not None
    assert recorder.limiter.rate == pytest.approx(before * 0.8 ** len(recorder.requests))


def with_groups(**excluded: Any) -> dict[str, list[dict[str, Any]]]:
    """Inner answers where user 1 is in group 91, whose own answer may be another."""
    group = {"status": 200, "body": {"id": guid(91), "visibility": None}, **excluded}
    return {
        f"/groups/{guid(91)}": [group],
        guid(1): [{"status": 200, "body": graph_user(1)}],
        f"{guid(1)}/checkMemberGroups": [
            {"status": 200, "body": {"@odata.context": "x", "value": [guid(91).upper()]}}
        ],
    }


async def test_licensed_users_come_with_their_groups() -> None:
    """Where groups matter a batch more asks about the licensed; whoever it fails for is an error."""
    inner: dict[str, list[dict[str, Any]]] = {
        **with_groups(),
        guid(2): [{"status": 200, "body": graph_user(2)}],
        guid(3): [{"status": 200, "body": graph_user(3, assignedPlans=[])}],
        f"{guid(2)}/checkMemberGroups": [{"status": 403, "body": {}}],
    }
    recorder = Recorder(lambda request: batch(request, inner))
    found = await recorder.graph(guid(91), guid(92)).users([guid(1), guid(2), guid(3)])
    asked = json.loads(recorder.requests[2].content)["requests"]
    assert [item["body"] for item in asked] == [{"groupIds": [guid(91), guid(92)]}] * 2
    member = found[guid(1)]
    assert isinstance(member, DirectoryUser)
    assert member.groups == {guid(91)}
    assert isinstance(found[guid(2)], AccessDeniedError)
    assert isinstance(found[guid(3)], DirectoryUser)


@pytest.mark.parametrize(
    ("excluded", "said"),
    [
        ({"status": 404, "body": {}}, f"the directory knows no group {guid(91)}"),
        (
            {"body": {"id": guid(91), "visibility": "HiddenMembership"}},
            f"group {guid(91)} hides its members",
        ),
    ],
)
async def test_a_lost_excluded_group_lets_nobody_through(
    excluded: dict[str, Any], said: str
) -> None:
    """Rule 2: Graph would leave such a group out of its answer, and its members would be moved."""
    recorder = Recorder(lambda request: batch(request, with_groups(**excluded)))
    with pytest.raises(SettingsError, match=said):
        await recorder.graph(guid(91)).users([guid(1)])


async def test_excluded_groups_are_looked_at_every_ten_minutes() -> None:
    """Not at each batch; a group that is deleted meanwhile is found out."""
    inner = with_groups()
    recorder = Recorder(lambda request: batch(request, inner))
    graph = recorder.graph(guid(91))
    for _ in range(2):
        await graph.users([guid(1)])
    assert len(recorder.requests) == 5
    inner |= with_groups(status=404)
    recorder.clock.passed += 601
    with pytest.raises(SettingsError):
        await graph.users([guid(1)])


async def test_a_user_whom_the_group_check_does_not_find_is_not_lost() -> None:
    """Rule 3: the directory has just shown the user, so a 404 there is a failure, not an absence."""
    inner = with_groups() | {f"{guid(1)}/checkMemberGroups": [{"status": 404, "body": {}}]}
    recorder = Recorder(lambda request: batch(request, inner))
    assert isinstance((await recorder.graph(guid(91)).users([guid(1)]))[guid(1)], RejectedError)


async def test_members_of_a_group_page_by_page() -> None:
    """All pages are read; a group that does not exist is named, and not taken for an empty one."""
    link = f"{ORIGIN}/v1.0/groups/x?$skiptoken=2"
    pages = {
        True: {"value": [{"id": guid(1)}], "@odata.nextLink": link},
        False: {"value": [{"id": guid(2)}]},
    }
    recorder = Recorder(
        lambda request: httpx.Response(200, json=pages["transitive" in request.url.path])
    )
    read = [page async for page in recorder.graph().members(guid(91))]
    assert read == [[guid(1)], [guid(2)]]
    assert {request.headers["ConsistencyLevel"] for request in recorder.requests} == {"eventual"}
    gone = Recorder(lambda _: httpx.Response(404, json={}))
    with pytest.raises(SettingsError, match=guid(91)):
        [page async for page in gone.graph().members(guid(91))]


async def test_missing_inner_answer_is_that_users_error() -> None:
    """A batch answer that forgets a user is a broken contract for that user alone."""
    recorder = Recorder(lambda _: httpx.Response(200, json={"responses": []}))
    found = await recorder.graph().users([guid(1)])
    assert isinstance(found[guid(1)], ContractError)


async def test_more_than_a_batch_is_refused() -> None:
    """Graph takes 20 requests in a batch, and so does the client."""
    with pytest.raises(ValueError, match="at most 20"):
        await Recorder(lambda _: httpx.Response(200)).graph().users([guid(n) for n in range(21)])


@pytest.mark.parametrize(
    ("fields", "status", "guest", "room"),
    [
        ({"assignedPlans": []}, None, False, False),
        ({"userType": "Guest"}, PlanStatus.ENABLED, True, False),
        ({"userType": None}, PlanStatus.ENABLED, False, False),
        (
            {
                "assignedPlans": [
                    {"servicePlanId": PLAN.upper(), "capabilityStatus": "Suspended"},
                    {"servicePlanId": ROOM, "capabilityStatus": "Enabled"},
                ]
            },
            PlanStatus.SUSPENDED,
            False,
            True,
        ),
    ],
)
async def test_what_a_users_fields_mean(
    fields: dict[str, Any], status: PlanStatus | None, guest: bool, room: bool
) -> None:
    """Plans, user type and room plan are read as the domain needs them."""
    inner: dict[str, list[dict[str, Any]]] = {
        guid(1): [{"status": 200, "body": graph_user(1, **fields)}]
    }
    recorder = Recorder(lambda request: batch(request, inner))
    user = (await recorder.graph().users([guid(1)]))[guid(1)]
    assert isinstance(user, DirectoryUser)
    assert (user.plan_status, user.is_guest, user.is_room) == (status, guest, room)


_ODD_DATES: list[Any] = [
    *(None, "", "soon", 7, []),
    *("2026-01-02T03:04:05", "0001-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(
    ("plans", "at"),
    [
        ([{"assignedDateTime": "2026-01-02T03:04:05Z"}], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (
            [
                {"assignedDateTime": "2026-05-06T07:08:09Z"},
                {"assignedDateTime": "2026-01-02T03:04:05Z", "capabilityStatus": "Suspended"},
                {"assignedDateTime": "2025-01-02T03:04:05Z", "servicePlanId": ROOM},
                {"assignedDateTime": None},
            ],
            datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC),
        ),
        *(([{"assignedDateTime": odd}], None) for odd in _ODD_DATES),
        ([{}], None),
    ],
)
async def test_the_date_of_the_license_is_read_where_there_is_one(
    plans: list[dict[str, Any]], at: datetime | None
) -> None:
    """Of the first enabled conferencing plan; an odd date is none and fails nobody."""
    usual = {"servicePlanId": PLAN, "capabilityStatus": "Enabled"}
    body = graph_user(1, assignedPlans=[usual | plan for plan in plans])
    recorder = Recorder(lambda request: batch(request, {guid(1): [{"status": 200, "body": body}]}))
    user = (await recorder.graph().users([guid(1)]))[guid(1)]
    assert isinstance(user, DirectoryUser)
    assert user.licensed_at == at


async def test_unknown_plan_status_is_refused_not_guessed() -> None:
    """Rule 9: a status this version does not know fails the user and names the field."""
    plans = [{"servicePlanId": PLAN, "capabilityStatus": "Dormant"}]
    inner = {guid(1): [{"status": 200, "body": graph_user(1, assignedPlans=plans)}]}
    recorder = Recorder(lambda request: batch(request, inner))
    error = (await recorder.graph().users([guid(1)]))[guid(1)]
    assert isinstance(error, ContractError)
    assert "capabilityStatus" in str(error)


async def test_licensed_users_are_one_listing() -> None:
    """All plans are asked for in one filtered listing; the header goes along to every page."""
    pages = iter(
        [
            {"value": [{"id": guid(1)}], "@odata.nextLink": f"{ORIGIN}/v1.0/users?$skiptoken=x"},
            {"value": []},
        ]
    )
    recorder = Recorder(lambda _: httpx.Response(200, json=next(pages)))
    listed = [page async for page in recorder.graph().licensed_ids(rooms=False)]
    assert listed == [[guid(1)], []]
    first, second = recorder.requests
    assert first.url.params["$top"] == "999"
    assert first.url.params["$count"] == "true"
    assert first.url.params["$select"] == "id"
    assert f"servicePlanId eq {PLAN} and" in first.url.params["$filter"]
    assert f"not (assignedPlans/any(p:p/servicePlanId eq {ROOM} and" in first.url.params["$filter"]
    assert str(second.url).endswith("skiptoken=x")
    assert {request.headers["ConsistencyLevel"] for request in recorder.requests} == {"eventual"}


async def test_subscription_is_asked_for_as_documented() -> None:
    """The subscription's body is Graph's: users, updated, both addresses, the secret, the end."""
    answer = {"id": "s1", "expirationDateTime": "2026-11-30T12:00:00Z"}
    recorder = Recorder(lambda _: httpx.Response(201, json=answer))
    end = datetime(2026, 11, 30, 12, tzinfo=UTC)
    created = await recorder.graph().create_subscription("https://app.example/n", "secret", end)
    assert (created.id, created.expires_at) == ("s1", end)
    assert json.loads(recorder.requests[0].content) == {
        "changeType": "updated",
        "resource": "users",
        "notificationUrl": "https://app.example/n",
        "lifecycleNotificationUrl": "https://app.example/n",
        "expirationDateTime": "2026-11-30T12:00:00Z",
        "clientState": "secret",
    }


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (410, "syncStateNotFound", ExpiredError),
        (410, "", ExpiredError),
        (400, "syncStateNotFound", ExpiredError),
        (404, "syncStateNotFound", ExpiredError),
        (400, "Directory_ExpiredPageToken", ExpiredError),
        (403, "Authorization_RequestDenied", AccessDeniedError),
    ],
)
async def test_expired_delta_link(status: int, code: str, error: type[ServiceError]) -> None:
    """A delta link that Graph does not know any more is told from other refusals."""
    answer = httpx.Response(status, json={"error": {"code": code}})
    recorder = Recorder(lambda _: httpx.Response(answer.status_code, content=answer.content))
    with pytest.raises(error) as caught:
        async for _ in recorder.graph().changes(f"{ORIGIN}/v1.0/users/delta?$deltatoken=1"):
            pass
    assert type(caught.value) is error


async def test_delta_link_to_another_host_is_not_passed_on() -> None:
    """A page whose link leads elsewhere is refused before anybody can store the link."""
    page = {"value": [], "@odata.deltaLink": "https://evil.example/v1.0/users/delta?$deltatoken=2"}
    recorder = Recorder(lambda _: httpx.Response(200, json=page))
    with pytest.raises(ContractError, match="another host"):
        async for _ in recorder.graph().changes(f"{ORIGIN}/v1.0/users/delta?$deltatoken=1"):
            pass


async def test_odd_plan_of_another_product_does_no_harm() -> None:
    """A status that we do not know matters only for the plans that decide, and never stops delta."""
    odd = {"servicePlanId": guid(7), "capabilityStatus": "Dormant"}
    user = graph_user(
        1, assignedPlans=[odd, {"servicePlanId": PLAN, "capabilityStatus": "Enabled"}]
    )
    recorder = Recorder(lambda request: batch(request, {guid(1): [{"status": 200, "body": user}]}))
    assert isinstance((await recorder.graph().users([guid(1)]))[guid(1)], DirectoryUser)
    strange = {"servicePlanId": PLAN, "capabilityStatus": "Dormant"}
    page = {
        "value": [
            {"id": guid(n), "assignedPlans": [plan]} for n, plan in enumerate([odd, strange, {}])
        ],
        "@odata.deltaLink": f"{ORIGIN}/v1.0/users/delta?$deltatoken=2",
    }
    recorder = Recorder(lambda _: httpx.Response(200, json=page))
    link = f"{ORIGIN}/v1.0/users/delta?$deltatoken=1"
    pages = [page async for page in recorder.graph().changes(link)]
    assert [user.may_be_licensed for user in pages[0].users] == [False, True, True]


async def test_throttled_batch_counts_once() -> None:
    """Twenty throttled answers of one batch slow the client down as one, not as twenty."""
    throttled = [{"status": 429, "headers": {"Retry-After": "1"}, "body": {}}]
    recorder = Recorder(lambda request: batch(request, {guid(n): throttled for n in range(20)}))
    client = recorder.graph()
    with operation() as here:
        await client.users([guid(n) for n in range(20)])
    assert recorder.limiter.limit >= 8 * 0.8**3 - 1
    assert here.throttled >= 20, "the log tells of each"


async def test_delta_page_without_a_link_is_refused() -> None:
    """A page that leads nowhere breaks the contract: it is an error, not an end."""
    recorder = Recorder(lambda _: httpx.Response(200, json={"value": []}))
    with pytest.raises(ContractError, match="deltaLink"):
        await recorder.graph().latest_delta_link()


@pytest.mark.parametrize(
    ("fields", "removed", "may_be_licensed"),
    [
        ({"assignedPlans": [{"servicePlanId": PLAN, "capabilityStatus": "Enabled"}]}, False, True),
        ({"assignedPlans": [{"servicePlanId": PLAN.upper()}]}, False, True),
        ({"assignedPlans": [{"servicePlanId": guid(7)}]}, False, False),
        ({"assignedPlans": [{"servicePlanId": guid(7)}, {"servicePlanId": PLAN}]}, False, True),
        ({"assignedPlans": []}, False, False),
        ({"displayName": "Renamed"}, False, False),
        ({"@removed": {"reason": "changed"}}, True, False),
        (
            {"@removed": {"reason": "deleted"}, "assignedPlans": [{"servicePlanId": PLAN}]},
            True,
            False,
        ),
    ],
)
def test_changed_user_says_whether_a_plan_may_be_there(
    fields: dict[str, Any], removed: bool, may_be_licensed: bool
) -> None:
    """A conferencing plan among those that changed; other plans, other changes and deletions are none."""
    user = DeltaUser.model_validate({"id": guid(1), **fields})
    assert user.to_domain() == ChangedUser(guid(1), removed, may_be_licensed)


async def test_last_page_of_changes_has_the_delta_link() -> None:
    """An empty page is one, too; a next link is no delta link."""
    link = f"{ORIGIN}/v1.0/users/delta?$deltatoken=2"
    pages = iter(
        [
            {"value": [], "@odata.nextLink": f"{ORIGIN}/v1.0/users/delta?$skiptoken=1"},
            {"value": [], "@odata.deltaLink": link},
        ]
    )
    recorder = Recorder(lambda _: httpx.Response(200, json=next(pages)))
    start = f"{ORIGIN}/v1.0/users/delta?$deltatoken=1"
    found = [page async for page in recorder.graph().changes(start)]
    following = f"{ORIGIN}/v1.0/users/delta?$skiptoken=1"
    assert found == [ChangePage([], None, following), ChangePage([], link)]


async def test_users_of_number_rules_are_counted_and_not_listed() -> None:
    """K10: one batch for up to 20 rules: members of a group, licensed users of a location, all licensed."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["requests"]
        body = {"value": [{"id": guid(1)}], "@odata.count": 7}
        responses = [{"id": item["id"], "status": 200, "body": body} for item in asked]
        return httpx.Response(200, json={"responses": responses})

    recorder = Recorder(answer)
    assert await recorder.graph().count_users([guid(91), "FR", "*"]) == {
        guid(91): 7,
        "FR": 7,
        "*": 7,
    }
    asked = json.loads(recorder.requests[0].content)["requests"]
    paths = [httpx.URL(item["url"]).path for item in asked]
    assert paths == [
        f"/groups/{guid(91)}/transitiveMembers/microsoft.graph.user",
        "/users",
        "/users",
    ]
    filters = [httpx.URL(item["url"]).params.get("$filter", "") for item in asked]
    assert filters[1] == f"usageLocation eq 'FR' and ({filters[2]})"
    assert filters[2].startswith(f"assignedPlans/any(p:p/servicePlanId eq {PLAN} and")


_OLD, _NEW = "2026-01-02T03:04:05Z", "2026-05-06T07:08:09.123Z"


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([{"servicePlanId": PLAN, "capabilityStatus": "Enabled", "assignedDateTime": _OLD}], _OLD),
        (
            [
                {"servicePlanId": PLAN, "capabilityStatus": "Enabled", "assignedDateTime": _OLD},
                {"servicePlanId": PLAN, "capabilityStatus": "Enabled", "assignedDateTime": _NEW},
                {"servicePlanId": guid(7), "capabilityStatus": "Odd", "assignedDateTime": None},
            ],
            _NEW,
        ),
        ([{"servicePlanId": PLAN, "capabilityStatus": "Warning", "assignedDateTime": _OLD}], None),
        ([{"servicePlanId": PLAN, "capabilityStatus": "Enabled"}], None),
        ([{"servicePlanId": PLAN, "capabilityStatus": "Enabled", "assignedDateTime": 7}], None),
        ([{"servicePlanId": PLAN, "capabilityStatus": "Enabled", "assignedDateTime": "x"}], None),
        ([{"servicePlanId": None, "capabilityStatus": "Enabled", "assignedDateTime": _OLD}], None),
        (
            [{"servicePlanId": guid(7), "capabilityStatus": "Enabled", "assignedDateTime": _OLD}],
            None,
        ),
        ([], None),
    ],
)
def test_changed_user_says_when_conferencing_was_assigned(
    plans: list[dict[str, Any]], expected: str | None
) -> None:
    """The newest date of the conferencing plans; none where one is not enabled or has no date."""
    user = DeltaUser.model_validate({"id": guid(1), "assignedPlans": plans}).to_domain()
    at = user.assigned_at
    assert at == (datetime.fromisoformat(expected) if expected else None)
