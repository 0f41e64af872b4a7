"""Documented mode: what Graph tells of Teams users, in few calls, and what is refused."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from shared.clients.teams_documented import DocumentedTeams
from shared.domain.decision import Action, Rules, decide
from shared.domain.listing import TenantSwitches
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.user import AccountType, ServiceUser
from shared.errors import (
    AccessDeniedError,
    ConflictError,
    ContractError,
    ListingError,
    TransientError,
)
from shared.services.sweeping.survey import Survey
from tests.fakes import guid, licensed
from tests.unit.shared.clients.services import ORIGIN, Recorder

LIST = "/v1.0/admin/teams/userConfigurations"
SETTINGS = {
    "Identity": "Global",
    "AutomaticallySendEmailsToUsers": True,
    "AutomaticallyMigrateUserMeetings": False,
}


def configuration(number: int, **fields: Any) -> dict[str, Any]:
    """A user as Graph sends it, provisioned."""
    return {
        "id": guid(number),
        "userPrincipalName": f"user{number}@contoso.example",
        "accountType": "user",
        "featureTypes": ["Teams", "AudioConferencing"],
        **fields,
    }


def documented(recorder: Recorder, page_size: int = 2) -> DocumentedTeams:
    """A client that talks to this recorder."""
    return DocumentedTeams(recorder.service(), recorder.clock, 3, page_size)


def batches(*users: dict[str, Any]) -> Recorder:
    """A Graph that answers batches with these users, and 404 for all others."""
    known = {user["id"]: user for user in users}

    def answer(request: httpx.Request) -> httpx.Response:
        found = []
        for each in json.loads(request.content)["requests"]:
            user = known.get(each["url"].partition("?")[0].rpartition("/")[2])
            status = 200 if user else 404
            found.append({"id": each["id"], "status": status, "body": user or {"error": {}}})
        return httpx.Response(200, json={"responses": found})

    return Recorder(answer)


async def test_the_users_of_a_message_cost_one_batch() -> None:
    """Twenty users who are asked for at the same time are twenty requests in one call."""
    recorder = batches(*(configuration(number) for number in range(19)))
    client = documented(recorder)
    found = await asyncio.gather(*(client.user(guid(number)) for number in range(20)))
    assert [user.id if user else None for user in found] == [*map(guid, range(19)), None]
    [request] = recorder.requests
    first = json.loads(request.content)["requests"][0]
    assert request.url.path == "/v1.0/$batch"
    assert first == {
        "id": "0",
        "method": "GET",
        "url": f"/admin/teams/userConfigurations/{guid(0)}"
        "?$select=id,userPrincipalName,accountType,featureTypes",
        "headers": {"Prefer": "include-unknown-enum-members"},
    }


async def test_more_users_than_a_batch_takes_are_two() -> None:
    """The twenty-first goes with the next call; a user who is requested twice is one request."""
    recorder = batches(*(configuration(number) for number in range(21)))
    client = documented(recorder)
    await asyncio.gather(*(client.user(guid(number)) for number in [*range(21), 20]))
    sizes = [len(json.loads(request.content)["requests"]) for request in recorder.requests]
    assert sorted(sizes) == [1, 20]


async def test_one_users_fault_is_that_users() -> None:
    """A user who cannot be read fails alone; a batch that fails as a whole fails everybody in it."""
    recorder = batches(configuration(1), configuration(2, id="nobody"))
    client = documented(recorder)
    good, lost = await asyncio.gather(
        client.user(guid(1)), client.user("nobody"), return_exceptions=True
    )
    assert isinstance(good, ServiceUser)
    assert isinstance(lost, ContractError)
    refused = documented(Recorder(lambda _: httpx.Response(403, json={})))
    asked = (refused.user(guid(number)) for number in (1, 2))
    both = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in both] == [AccessDeniedError] * 2


async def test_whoever_gives_up_does_not_take_the_others_along() -> None:
    """A user whose question is cancelled leaves the batch to the others."""
    client = documented(batches(configuration(1), configuration(2)))
    first, second = (asyncio.ensure_future(client.user(guid(number))) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    user = await second
    assert user
    assert user.id == guid(2)


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({}, Action.ALREADY),
        ({"accountType": "User"}, Action.ALREADY),
        ({"featureTypes": ["Teams"]}, Action.WAIT),
        ({"featureTypes": None}, Action.WAIT),
        ({"accountType": "resourceAccount"}, Action.EXCLUDED),
        ({"accountType": "guest"}, Action.EXCLUDED),
        ({"accountType": "sfbOnPremUser"}, Action.EXCLUDED),
        ({"accountType": "ineligibleUser"}, Action.EXCLUDED),
        ({"accountType": "unknown"}, Action.EXCLUDED),
        ({"accountType": "unknownFutureValue"}, Action.EXCLUDED),
        ({"accountType": "agent"}, Action.EXCLUDED),
        ({"accountType": None}, Action.EXCLUDED),
    ],
)
async def test_the_decision_follows_from_account_type_and_features(
    fields: dict[str, Any], action: Action
) -> None:
    """Provisioned is *already*, not provisioned waits, an account of a type that is not known is left."""
    found = await documented(batches(configuration(1, **fields))).user(guid(1))
    assert decide(licensed(1), found, Rules()).action is action
    assert not action.changes_tenant


async def test_the_listing_page_by_page() -> None:
    """Next links are followed; a user who cannot be read is a fault; the last page has no link."""
    second = f"{ORIGIN}{LIST}?$skiptoken=2"
    pages: dict[str | None, dict[str, Any]] = {
        None: {"value": [configuration(1), configuration(2, userPrincipalName=7)]},
        "2": {"value": [configuration(3, featureTypes=[])], "@odata.nextLink": ""},
    }
    pages[None]["@odata.nextLink"] = second
    recorder = Recorder(
        lambda request: httpx.Response(200, json=pages[request.url.params.get("$skiptoken")])
    )
    found = [page async for page in documented(recorder, page_size=5_000).pages()]
    assert [(list(page.users), page.next_link, len(page.faults)) for page in found] == [
        ([_user(1)], second, 1),
        ([_user(3, ready=False)], None, 0),
    ]
    first = recorder.requests[0]
    assert dict(first.url.params) == {
        "$select": "id,userPrincipalName,accountType,featureTypes",
        "$top": "999",
    }
    assert first.headers["Prefer"] == "include-unknown-enum-members"


def _user(number: int, *, ready: bool = True) -> ServiceUser:
    upn = f"user{number}@contoso.example"
    return ServiceUser(guid(number), upn, AccountType.USER, ready, provider_known=False)


async def test_a_listing_that_does_not_go_on_is_an_error() -> None:
    """A page that names itself as the next one never becomes a sweep that ended well."""
    link = f"{ORIGIN}{LIST}?$skiptoken=2"
    recorder = Recorder(lambda _: httpx.Response(200, json={"value": [], "@odata.nextLink": link}))
    with pytest.raises(ListingError, match="cannot be trusted"):
        async for _ in documented(recorder).pages():
            pass


async def test_what_no_documented_call_does_is_refused_with_the_setting() -> None:
    """Numbers, providers and sets: the refusal names the setting, and nothing is sent."""
    recorder = Recorder(lambda _: httpx.Response(500))
    client = documented(recorder)
    for asked in (
        client.set_microsoft(guid(1), replace=True),
        client.bridge_of("+14255550100"),
        client.bridge_numbers(),
        client.providers(),
    ):
        with pytest.raises(ConflictError, match="ACP_TEAMS_API is documented"):
            await asked
    assert await client.switches() is None
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            MoveRequest((guid(1),), options=MoveOptions(True)),
            "send_email: no documented call mails",
        ),
        (MoveRequest(provider="BT"), "no documented call tells the users of third-party providers"),
        (MoveRequest(), "no documented call tells the users of third-party providers"),
        (MoveRequest(dry_run=True), "no documented call tells the users of third-party providers"),
    ],
    ids=["mail", "provider", "all on a third party", "dry run"],
)
def test_requests_that_would_do_nothing_are_refused(request_: MoveRequest, said: str) -> None:
    """Mails, and users by provider: the refusal says what is missing and names the setting."""
    client = documented(Recorder(lambda _: httpx.Response(500)))
    with pytest.raises(ConflictError, match=f"{said}.*ACP_TEAMS_API is documented"):
        client.check_takes(request_)


def test_a_request_for_users_alone_is_taken() -> None:
    """Looking at users, and having their licenses reprocessed, is what this mode is for."""
    documented(Recorder(lambda _: httpx.Response(500))).check_takes(MoveRequest((guid(1),)))


def snapshots(*statuses: str, properties: dict[str, Any] | None = None) -> Recorder:
    """A Graph whose snapshot job has these statuses, one after the other."""
    left = iter(statuses)

    def answer(request: httpx.Request) -> httpx.Response:
        job = {"id": "job"}
        if request.method == "GET" and "configurationSnapshotJobs" in request.url.path:
            status = next(left)
            where = f"{ORIGIN}/v1.0/admin/configurationManagement/configurationSnapshots/result"
            job |= {"status": status, "resourceLocation": where if status == "succeeded" else ""}
        if request.url.path.endswith("/configurationSnapshots/result"):
            kind = "microsoft.teams.dialInConferencingTenantSettings"
            found = {"resourceType": kind, "properties": properties or SETTINGS}
            return httpx.Response(200, json={"id": "result", "resources": [found]})
        return httpx.Response(200, json=job)

    return Recorder(answer)


async def test_the_tenants_switches_by_a_snapshot() -> None:
    """The job is asked until it has ended; then the result is read."""
    recorder = snapshots("notStarted", "running", "succeeded")
    switches = TenantSwitches(replaces_provider=False, sends_mail=True, sends_meetings=False)
    assert await documented(recorder).snapshot_switches() == switches
    assert json.loads(recorder.requests[0].content) == {
        "displayName": "ACP Mover settings",
        "resources": ["microsoft.teams.dialinconferencingtenantsettings"],
    }


async def test_without_the_permission_the_switches_are_not_known() -> None:
    """403 is no error: the permission is optional."""
    client = documented(Recorder(lambda _: httpx.Response(403, json={})))
    assert await client.snapshot_switches() is None


@pytest.mark.parametrize(
    ("recorder", "error"),
    [
        (snapshots("failed"), ContractError),
        (snapshots(*["running"] * 20), TransientError),
        (snapshots("succeeded", properties={"Identity": "Global"}), ContractError),
    ],
)
async def test_a_snapshot_that_tells_nothing_is_an_error(
    recorder: Recorder, error: type[Exception]
) -> None:
    """A failed job, one that takes too long, and settings without the switches are not guessed at."""
    with pytest.raises(error):
        await documented(recorder).snapshot_switches()


async def test_a_sweep_costs_a_call_per_page_and_no_more() -> None:
    """At most licensed / 999 + users / page + 3 calls, and nothing but Graph is asked."""
    users, licensed_users, page = 2_500, 1_700, 500

    def answer(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        at = int(params.get("$skiptoken", "0"))
        listing = request.url.path == LIST
        size, whole = (page, users) if listing else (999, licensed_users)
        rows = range(at, min(at + size, whole))
        value = [configuration(number) if listing else {"id": guid(number)} for number in rows]
        body: dict[str, Any] = {"value": value}
        if at + size < whole:
            again = params.set("$skiptoken", str(at + size))
            body["@odata.nextLink"] = str(request.url.copy_with(params=again))
        return httpx.Response(200, json=body)

    async def never(_: float) -> bool:
        return False

    recorder = Recorder(answer)
    survey = await Survey.begin(recorder.graph(), documented(recorder, page), Rules(), never)
    decided = [user.decision.action async for each in survey.pages() for user in each.users]
    assert (decided.count(Action.ALREADY), len(decided)) == (licensed_users, users)
    assert survey.unlisted() == set()
    assert len(recorder.requests) <= licensed_users / 999 + users / page + 3
    assert {request.url.path for request in recorder.requests} == {"/v1.0/users", LIST}
