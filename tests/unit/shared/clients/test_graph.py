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
START = f"{ORIGIN}/v1.0/users/delta?$deltatoken=1"
ODD_DATES: list[Any] = [None, "", "soon", 7, [], "2026-01-02T03:04:05", "0001-01-01T00:00:00Z"]
Inner = dict[str, list[dict[str, Any]]]
"""Answers in turn to the requests of a batch, by user id or path."""


def plan(**fields: Any) -> dict[str, Any]:
    """An assigned plan as Graph sends it: conferencing, enabled."""
    return {"servicePlanId": PLAN, "capabilityStatus": "Enabled", "service": "x", **fields}


SUSPENDED = plan(servicePlanId=PLAN.upper(), capabilityStatus="Suspended")
UNKNOWN = plan(capabilityStatus="Dormant")


def graph_user(number: int, **fields: Any) -> dict[str, Any]:
    """A user as Graph sends it."""
    return {
        "id": guid(number),
        "userPrincipalName": f"user{number}@contoso.example",
        "userType": "Member",
        "usageLocation": "US",
        "assignedPlans": [plan()],
        "somethingNew": {"of": "2027"},
        **fields,
    }


def ok(number: int, **fields: Any) -> list[dict[str, Any]]:
    """The answer that has a user."""
    return [{"status": 200, "body": graph_user(number, **fields)}]


def refused(status: int, code: str = "", **headers: str) -> list[dict[str, Any]]:
    """An answer that has none."""
    return [{"status": status, "headers": headers, "body": {"error": {"code": code}}}]


def batches(inner: Inner) -> Recorder:
    """A Graph that answers batches from `inner`, in reverse order as Graph may."""

    def answer(request: httpx.Request) -> httpx.Response:
        responses = []
        for item in asked(request):
            answers = inner[item["url"].split("?")[0].removeprefix("/users/")]
            responses.append({"id": item["id"], **(answers.pop(0) if answers[1:] else answers[0])})
        return httpx.Response(200, json={"responses": responses[::-1]})

    return Recorder(answer)


def asked(request: httpx.Request) -> list[dict[str, Any]]:
    """The requests of a batch."""
    return list(json.loads(request.content)["requests"])


async def read(inner: Inner, *groups: str) -> DirectoryUser | ServiceError:
    """What is read of user 1, who is asked about these groups."""
    return (await batches(inner).graph(*groups).users([guid(1)]))[guid(1)]


async def read_user(**fields: Any) -> DirectoryUser:
    """A user of whom Graph sends these fields."""
    user = await read({guid(1): ok(1, **fields)})
    assert isinstance(user, DirectoryUser)
    return user


def pages(*bodies: dict[str, Any]) -> Recorder:
    """A Graph that answers with these in turn."""
    left = iter(bodies)
    return Recorder(lambda _: httpx.Response(200, json=next(left)))


async def changes(recorder: Recorder) -> list[ChangePage]:
    """The pages of changes since the start."""
    return [page async for page in recorder.graph().changes(START)]


def with_groups(**excluded: Any) -> Inner:
    """Inner answers where user 1 is in group 91, whose own answer may be another."""
    group = {"status": 200, "body": {"id": guid(91), "visibility": None}, **excluded}
    found = {"@odata.context": "x", "value": [guid(91).upper()]}
    return {
        f"/groups/{guid(91)}": [group],
        guid(1): ok(1),
        f"{guid(1)}/checkMemberGroups": [{"status": 200, "body": found}],
    }


@pytest.mark.parametrize(
    ("answers", "error", "said"),
    [
        ({guid(1): refused(404, "Request_ResourceNotFound")}, NotFoundError, ""),
        ({guid(1): refused(400, "BadRequest")}, RejectedError, ""),
        ({guid(1): [{"status": 200, "body": {"id": guid(1)}}]}, ContractError, "userPrincipalName"),
        ({guid(1): ok(1, assignedPlans=[UNKNOWN])}, ContractError, "capabilityStatus"),
        ({f"{guid(1)}/checkMemberGroups": refused(403)}, AccessDeniedError, ""),
        ({f"{guid(1)}/checkMemberGroups": refused(404)}, RejectedError, ""),
    ],
)
async def test_batch_gives_each_user_its_own_answer(
    answers: Inner, error: type[ServiceError], said: str
) -> None:
    """One's trouble is its own; rules 3 and 9: a 404 of the groups is no absence, no status is guessed."""
    group = {f"{guid(2)}/checkMemberGroups": [{"status": 200, "body": {"value": []}}]}
    recorder = batches({**with_groups(), guid(2): ok(2), **group, **answers})
    found = await recorder.graph(guid(91)).users([guid(1), guid(2)])
    assert type(found[guid(1)]) is error
    assert said in str(found[guid(1)])
    expected = DirectoryUser(
        guid(2), "user2@contoso.example", PlanStatus.ENABLED, usage_location="US"
    )
    assert found[guid(2)] == expected


async def test_throttled_inner_answers_are_asked_for_again_alone() -> None:
    """A 429 inside a batch is obeyed, and only its users are asked for again."""
    inner: Inner = {
        guid(1): ok(1),
        guid(2): refused(429, **{"Retry-After": "9"}) + ok(2),
        guid(3): refused(429),
    }
    recorder = batches(inner)
    found = await recorder.graph().users([guid(1), guid(2), guid(3)])
    sizes = [len(asked(request)) for request in recorder.requests]
    assert sizes == [3, 2, 1]
    assert isinstance(found[guid(2)], DirectoryUser)
    assert isinstance(found[guid(3)], ThrottledError)
    assert recorder.clock.passed >= 9


async def test_a_batch_with_throttled_answers_slows_down_though_it_waited_in_line() -> None:
    """It had to wait out a pause: what is refused inside counts all the same, and is no good answer."""
    recorder = batches({guid(1): refused(429, **{"Retry-After": "1"})})
    recorder.limiter.throttled(recorder.clock.monotonic(), 5)
    before = recorder.limiter.rate
    await recorder.graph().users([guid(1)])
    assert before is not None
    assert recorder.limiter.rate == pytest.approx(before * 0.8 ** len(recorder.requests))


async def test_licensed_users_come_with_their_groups() -> None:
    """Where groups matter a batch more asks about the licensed."""
    recorder = batches({**with_groups(), guid(2): ok(2, assignedPlans=[])})
    found = await recorder.graph(guid(91), guid(92)).users([guid(1), guid(2)])
    assert [item["body"] for item in asked(recorder.requests[2])] == [
        {"groupIds": [guid(91), guid(92)]}
    ]
    assert len(recorder.requests) == 3
    groups = [user.groups for user in found.values() if isinstance(user, DirectoryUser)]
    assert groups == [{guid(91)}, frozenset()]


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
    with pytest.raises(SettingsError, match=said):
        await read(with_groups(**excluded), guid(91))


async def test_excluded_groups_are_looked_at_every_ten_minutes() -> None:
    """Not at each batch; a group that is deleted meanwhile is found out."""
    inner = with_groups()
    recorder = batches(inner)
    graph = recorder.graph(guid(91))
    for _ in range(2):
        await graph.users([guid(1)])
    assert len(recorder.requests) == 5
    inner |= with_groups(status=404)
    recorder.clock.passed += 601
    with pytest.raises(SettingsError):
        await graph.users([guid(1)])


async def test_members_of_a_group_page_by_page() -> None:
    """All pages are read; a group that does not exist is named, and not taken for an empty one."""
    link = f"{ORIGIN}/v1.0/groups/x?$skiptoken=2"
    recorder = pages({"value": [{"id": guid(1)}], "@odata.nextLink": link}, {"value": []})
    assert [page async for page in recorder.graph().members(guid(91))] == [[guid(1)], []]
    assert ["transitive" in request.url.path for request in recorder.requests] == [True, False]
    assert {request.headers["ConsistencyLevel"] for request in recorder.requests} == {"eventual"}
    gone = Recorder(lambda _: httpx.Response(404, json={}))
    with pytest.raises(SettingsError, match=guid(91)):
        [page async for page in gone.graph().members(guid(91))]


async def test_missing_inner_answer_is_that_users_error() -> None:
    """A batch answer that forgets a user is a broken contract for that user alone."""
    found = await pages({"responses": []}).graph().users([guid(1)])
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
            {"assignedPlans": [SUSPENDED, plan(servicePlanId=ROOM)]},
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
    user = await read_user(**fields)
    assert (user.plan_status, user.is_guest, user.is_room) == (status, guest, room)


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
        *(([{"assignedDateTime": odd}], None) for odd in ODD_DATES),
        ([{}], None),
    ],
)
async def test_the_date_of_the_license_is_read_where_there_is_one(
    plans: list[dict[str, Any]], at: datetime | None
) -> None:
    """Of the first enabled conferencing plan; an odd date is none and fails nobody."""
    user = await read_user(assignedPlans=[plan(**fields) for fields in plans])
    assert user.licensed_at == at


async def test_odd_plan_of_another_product_does_no_harm() -> None:
    """A status that we do not know matters only for the plans that decide."""
    odd = {**UNKNOWN, "servicePlanId": guid(7)}
    assert (await read_user(assignedPlans=[odd, plan()])).plan_status is PlanStatus.ENABLED


async def test_licensed_users_are_one_listing() -> None:
    """All plans are asked for in one filtered listing; the header goes along to every page."""
    link = f"{ORIGIN}/v1.0/users?$skiptoken=x"
    recorder = pages({"value": [{"id": guid(1)}], "@odata.nextLink": link}, {"value": []})
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
        *((status, "syncStateNotFound", ExpiredError) for status in (400, 404, 410)),
        (410, "", ExpiredError),
        (400, "Directory_ExpiredPageToken", ExpiredError),
        (403, "Authorization_RequestDenied", AccessDeniedError),
    ],
)
async def test_expired_delta_link(status: int, code: str, error: type[ServiceError]) -> None:
    """A delta link that Graph does not know any more is told from other refusals."""
    with pytest.raises(error) as caught:
        await changes(Recorder(lambda _: httpx.Response(status, json={"error": {"code": code}})))
    assert type(caught.value) is error


async def test_delta_page_that_leads_elsewhere_or_nowhere_is_refused() -> None:
    """A link to another host is stored by nobody; a page without one is an error, not an end."""
    page = {"value": [], "@odata.deltaLink": "https://evil.example/v1.0/users/delta?$deltatoken=2"}
    with pytest.raises(ContractError, match="another host"):
        await changes(pages(page))
    with pytest.raises(ContractError, match="deltaLink"):
        await pages({"value": []}).graph().latest_delta_link()


async def test_throttled_batch_counts_once() -> None:
    """Twenty throttled answers of one batch slow the client down as one, not as twenty."""
    recorder = batches({guid(n): refused(429, **{"Retry-After": "1"}) for n in range(20)})
    with operation() as here:
        await recorder.graph().users([guid(n) for n in range(20)])
    assert recorder.limiter.limit >= 8 * 0.8**3 - 1
    assert here.throttled >= 20, "the log tells of each"


@pytest.mark.parametrize(
    ("fields", "removed", "may_be_licensed"),
    [
        *(
            ({"assignedPlans": plans}, False, may)
            for plans, may in (
                ([plan()], True),
                ([{"servicePlanId": PLAN.upper()}], True),
                ([UNKNOWN], True),
                ([{}], True),
                ([{**UNKNOWN, "servicePlanId": guid(7)}], False),
                ([plan(servicePlanId=guid(7)), plan()], True),
                ([], False),
            )
        ),
        ({"displayName": "Renamed"}, False, False),
        ({"@removed": {"reason": "changed"}}, True, False),
        ({"@removed": {"reason": "deleted"}, "assignedPlans": [plan()]}, True, False),
    ],
)
async def test_changed_user_says_whether_a_plan_may_be_there(
    fields: dict[str, Any], removed: bool, may_be_licensed: bool
) -> None:
    """A conferencing plan among those that changed; other plans, other changes and deletions are none."""
    page = {"value": [{"id": guid(1), **fields}], "@odata.deltaLink": START}
    [found] = await changes(pages(page))
    assert found.users == [ChangedUser(guid(1), removed, may_be_licensed)]


async def test_last_page_of_changes_has_the_delta_link() -> None:
    """An empty page is one, too; a next link is no delta link."""
    link, following = (
        f"{ORIGIN}/v1.0/users/delta?${name}=2" for name in ("deltatoken", "skiptoken")
    )
    recorder = pages(
        {"value": [], "@odata.nextLink": following}, {"value": [], "@odata.deltaLink": link}
    )
    assert await changes(recorder) == [ChangePage([], None, following), ChangePage([], link)]


async def test_users_of_number_rules_are_counted_and_not_listed() -> None:
    """K10: one batch for up to 20 rules: members of a group, licensed users of a location, all licensed."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = {"value": [{"id": guid(1)}], "@odata.count": 7}
        responses = [{"id": item["id"], "status": 200, "body": body} for item in asked(request)]
        return httpx.Response(200, json={"responses": responses})

    recorder = Recorder(answer)
    names = [guid(91), "FR", "*"]
    assert await recorder.graph().count_users(names) == dict.fromkeys(names, 7)
    urls = [httpx.URL(item["url"]) for item in asked(recorder.requests[0])]
    members = f"/groups/{guid(91)}/transitiveMembers/microsoft.graph.user"
    assert [url.path for url in urls] == [members, "/users", "/users"]
    filters = [url.params.get("$filter", "") for url in urls]
    assert filters[1] == f"usageLocation eq 'FR' and ({filters[2]})"
    assert filters[2].startswith(f"assignedPlans/any(p:p/servicePlanId eq {PLAN} and")


OLD, NEW = "2026-01-02T03:04:05Z", "2026-05-06T07:08:09.123Z"
OTHER = {"servicePlanId": guid(7), "capabilityStatus": "Odd", "assignedDateTime": None}


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([plan(assignedDateTime=OLD)], OLD),
        ([plan(assignedDateTime=OLD), plan(assignedDateTime=NEW), OTHER], NEW),
        ([plan(assignedDateTime=OLD, capabilityStatus="Warning")], None),
        ([plan(assignedDateTime=OLD, servicePlanId=None)], None),
        ([plan(assignedDateTime=OLD, servicePlanId=guid(7))], None),
        *(([plan(assignedDateTime=odd)], None) for odd in (7, "x")),
        ([plan()], None),
        ([], None),
    ],
)
def test_changed_user_says_when_conferencing_was_assigned(
    plans: list[dict[str, Any]], expected: str | None
) -> None:
    """The newest date of the conferencing plans; none where one is not enabled or has no date."""
    user = DeltaUser.model_validate({"id": guid(1), "assignedPlans": plans}).to_domain()
    assert user.assigned_at == (datetime.fromisoformat(expected) if expected else None)
