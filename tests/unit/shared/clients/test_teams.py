"""The Teams client: discovery once, pages, one user, the change."""

import json
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from shared.clients.teams_models import USER
from shared.domain.user import AccountType, ConferencingUser, ServiceUser
from shared.errors import (
    ContractError,
    InputError,
    InvalidResponseError,
    LateTurnError,
    NotFoundError,
    RejectedError,
    ServerFaultError,
)
from tests.fakes import PASSCODE, guid, in_service, third_party
from tests.unit.shared.clients.services import DISCOVERY, ORIGIN, Recorder

UNKNOWN: Final = AccountType.UNKNOWN
DISCOVER: Final = "/Teams.Tenant/serviceDiscovery"
ABSENT: Final = object()
"""The value of a field that is not there."""


def teams_user(number: int, **fields: Any) -> dict[str, Any]:
    """A user as Teams sends it, with InterCall as provider; no field is there that is ABSENT."""
    entry = {
        "default": True,
        "domain": "intercall.example",
        "name": "InterCall",
        "participantPassCode": PASSCODE,
        "tollFreeNumber": "+18000100",
        "tollNumber": "+15550100",
        "url": None,
    }
    user = {
        "objectId": guid(number),
        "userPrincipalName": f"user{number}@contoso.example",
        "accountType": "User",
        "featureTypes": ["Teams", "AudioConferencing"],
        "usageLocation": "US",
        "acpInfo": [entry],
        "somethingNew": 1,
    }
    return {name: value for name, value in (user | fields).items() if value is not ABSENT}


def teams(content: Any, status: int = 200, **headers: str) -> Recorder:
    """A Teams service that answers discovery, and everything else with `content`."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == DISCOVER:
            return httpx.Response(200, json=DISCOVERY)
        body = content(request) if callable(content) else content
        return httpx.Response(status, json=body, headers=headers)

    return Recorder(answer)


async def read(**fields: Any) -> ServiceUser | None:
    """User 1, of whom Teams sends these fields."""
    return await teams(teams_user(1, **fields)).teams().user(guid(1))


async def move(recorder: Recorder) -> None:
    """Set Microsoft for user 1."""
    await recorder.teams().set_microsoft(guid(1), replace=True)


async def test_discovery_is_asked_once_and_its_headers_go_along() -> None:
    """One discovery per process; every later call carries its target and forest."""
    recorder = teams(teams_user(1))
    client = recorder.teams()
    await client.user(guid(1))
    await client.user(guid(1))
    paths = [request.url.path for request in recorder.requests]
    assert paths.count(DISCOVER) == 1
    headers = recorder.requests[-1].headers
    assert headers["X-MS-Target-Uri"] == "https://admin.example/"
    assert headers["X-MS-Forest"] == "0A"
    assert headers["X-MS-CmdletName"]
    assert headers["X-MS-Correlation-Id"]


async def test_what_is_new_in_an_entry_is_kept_and_takes_nothings_place() -> None:
    """Also a name that looks like a known one; neither it nor the passcode is in the `repr` of the answer."""
    entry = teams_user(1)["acpInfo"][0] | {"toll_number": "7", "aNewOne": [1]}
    found = await read(acpInfo=[entry])
    assert found is not None
    (kept,) = found.entries
    assert replace(kept, other="") == third_party()
    assert json.loads(kept.other) == {"toll_number": "7", "aNewOne": [1]}
    assert PASSCODE not in repr(USER.validate_python(teams_user(1)))


async def test_user_in_the_domains_words() -> None:
    """Entries, account type and readiness are read; fields that are new are no trouble."""
    assert await read() == in_service(1, third_party())


async def test_unknown_user_is_none() -> None:
    """A user whom Teams does not know is None; without conferencing there is an error: 404."""
    client = teams({"code": "UserNotFound"}, 404).teams()
    assert await client.user(guid(1)) is None
    with pytest.raises(NotFoundError):
        await client.conferencing_user(guid(1))


@pytest.mark.parametrize("field", ["accountType", "userPrincipalName", "objectId"])
async def test_missing_field_is_named(field: str) -> None:
    """An answer that lacks a field the decision needs is refused by the field's name."""
    with pytest.raises(ContractError, match=f"field {field}: Field required") as caught:
        await read(**{field: ABSENT})
    assert PASSCODE not in str(caught.value)


@pytest.mark.parametrize(
    ("features", "ready", "is_room"),
    [
        (["Teams", "Conferencing_RequiresCommunicationCredits"], True, False),
        (["audioConferencing"], True, False),
        (["Teams", "PhoneSystem", "CommunicationCredits"], False, False),
        (["TeamsRoomPro", "AudioConferencing"], True, True),
        (["teamsRoomBasic"], False, True),
        ([None, 7, "AudioConferencing"], True, False),
        ("AudioConferencing", False, False),
        ([], False, False),
        (None, False, False),
        (ABSENT, False, False),
    ],
)
async def test_what_features_say(features: object, ready: bool, is_room: bool) -> None:
    """U1-U3: pay-per-minute conferencing counts, whatever stands beside it; Teams Rooms are rooms."""
    expected = replace(in_service(1, third_party(), ready=ready), is_room=is_room)
    assert await read(featureTypes=features) == expected


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        ("user", AccountType.USER, ""),
        ("RESOURCEACCOUNT", AccountType.RESOURCE, ""),
        ("sfbOnPremUser", AccountType.ON_PREMISES, ""),
        ("ineligibleUser", AccountType.INELIGIBLE, ""),
        *((name, UNKNOWN, name) for name in ("Unknown", "unknownFutureValue", "Robot", "")),
        (None, UNKNOWN, ""),
        ("R" * 5_000, UNKNOWN, "R" * 64),
    ],
)
async def test_account_types_of_all_spellings(
    given: str | None, kind: AccountType, name: str
) -> None:
    """U3: case does not matter; a type this version does not know excludes the user, by its name."""
    expected = in_service(1, third_party(), account_type=kind)
    assert await read(accountType=given) == replace(expected, type_name=name)


@pytest.mark.parametrize("told", [None, ABSENT], ids=["null", "absent"])
async def test_a_service_that_tells_no_providers(told: object) -> None:
    """`acpInfo` null or absent for everybody: the provider is not known, and this is asked once an hour."""
    silent = teams_user(1, acpInfo=told)
    recorder = teams(lambda r: silent if r.url.path.endswith(guid(1)) else {"users": [silent]})
    client = recorder.teams()
    expected = replace(in_service(1), provider_known=False)
    for asked in (3, 4, 5):
        assert await client.user(guid(1)) == expected
        assert len(recorder.requests) == asked
    recorder.clock.passed += 3601
    await client.user(guid(1))
    assert len(recorder.requests) == 7
    assert [page.users async for page in client.pages()] == [[expected]]


async def test_one_user_without_entries_among_others_has_no_provider() -> None:
    """Where the service tells somebody's provider, silence about another means: none."""
    silent = teams_user(1, acpInfo=None)
    listed = {"users": [silent, teams_user(2)]}
    recorder = teams(lambda r: silent if r.url.path.endswith(guid(1)) else listed)
    client = recorder.teams(page_size=3)
    assert await client.user(guid(1)) == in_service(1)
    both = [in_service(1), in_service(2, third_party())]
    assert [page.users async for page in client.pages()] == [both]


async def test_a_listing_that_tells_providers_late_begins_again() -> None:
    """The first page tells none, the second does: what the first said is read once more."""

    def page(request: httpx.Request) -> dict[str, Any]:
        if request.url.params.get("skiptoken"):
            return {"users": [teams_user(2)]}
        return {"users": [teams_user(n, acpInfo=None) for n in (1, 3)], "nextLink": "x"}

    pages = [page async for page in teams(page).teams(page_size=2).pages()]
    unknown = [replace(in_service(n), provider_known=False) for n in (1, 3)]
    assert [(list(page.users), page.restarts) for page in pages] == [
        (unknown, False),
        ([in_service(1), in_service(3)], True),
        ([in_service(2, third_party())], False),
    ]


async def test_unknown_features_are_reported_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    """A feature that this version does not know is ignored, and logged by name, once."""
    recorder = teams(teams_user(1, featureTypes=["AudioConferencing", "HoloRoom", "TeamsRoomPro"]))
    client = recorder.teams()
    for _ in range(2):
        await client.user(guid(1))
    assert caplog.messages == ["unknown_feature feature=HoloRoom"]
    recorder.clock.passed += 86_401
    await client.user(guid(1))
    assert len(caplog.messages) == 2


async def test_an_answer_about_somebody_else_is_nobodys() -> None:
    """Asked about one user, the service answers with another: an error, before anything is saved."""
    with pytest.raises(ContractError, match="about somebody else"):
        await read(objectId=guid(2))
    assert await teams(teams_user(1, objectId=guid(1).upper())).teams().user(guid(1).upper())
    with pytest.raises(InvalidResponseError, match="about somebody else"):
        await move(teams({"identity": guid(2)}))
    await move(teams({"identity": "sip:user1@contoso.example"}))


async def test_pages_are_followed_to_the_end() -> None:
    """The listing follows NextLink; one unreadable user is reported beside the others."""

    def page(request: httpx.Request) -> dict[str, Any]:
        if request.url.params.get("skiptoken"):
            return {"users": [teams_user(3, acpInfo="none"), teams_user(4)], "NextLink": None}
        link = f"{ORIGIN}/Teams.User/users?skiptoken=2"
        return {"users": [teams_user(n) for n in (1, 2, 5)], "NextLink": link}

    recorder = teams(page)
    pages = [page async for page in recorder.teams(page_size=3).pages()]
    ids = [[user.id for user in page.users] for page in pages]
    assert ids == [[guid(1), guid(2), guid(5)], [guid(4)]]
    assert pages[1].faults == [(guid(3), "field acpInfo: Input should be a valid list")]
    assert pages[0].next_link is not None
    assert recorder.requests[1].url.params["pagesize"] == "3"


CONFERENCING = {
    "identity": guid(1).upper(),
    "displayName": "User 1",
    "sipAddress": "sip:user1@contoso.example",
    "bridgeId": "b2",
    "bridgeName": "Europe Bridge",
    "conferenceId": "123456789",
    "serviceNumber": "4969120012345",
    "tollFreeServiceNumber": None,
    "defaultTollNumber": "4969120012345",
    "allowTollFreeDialIn": True,
    "leaderPin": "77777",
    "somethingNew": 1,
}
"""A conferencing user as Teams sends it."""


async def test_conferencing_user_without_the_pin() -> None:
    """Conference ID, numbers and bridge are read, null and absent ones as none; the PIN is not kept."""
    found = await teams(CONFERENCING).teams().conferencing_user(guid(1))
    number = "4969120012345"
    assert found == ConferencingUser(
        guid(1), "123456789", "b2", "Europe Bridge", number, "", number, "", True
    )
    assert "123456789" not in repr(found)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"identity": other} for other in (guid(2), "x")),
        *({"conferenceId": none} for none in (None, "")),
        {"bridgeId": None},
    ],
)
async def test_a_conferencing_user_that_could_not_be_restored_is_refused(
    wrong: dict[str, Any],
) -> None:
    """About somebody else, without conference ID or bridge: nothing is saved as if it were all."""
    with pytest.raises(ContractError):
        await teams({**CONFERENCING, **wrong}).teams().conferencing_user(guid(1))


BRIDGES = [
    {"identity": "b1", "serviceNumbers": [{"number": "14255550100", "type": "Toll"}]},
    {
        "identity": "b2",
        "serviceNumbers": [
            {"number": "tel:+4969120012345", "type": "Toll"},
            {"number": "+49800120012345", "type": "TollFree"},
        ],
    },
]


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({"replace": True}, {"sendEmail": False, "replaceProvider": True}),
        ({"replace": False}, {"sendEmail": False}),
        ({"replace": False, "send_email": True}, {"sendEmail": True}),
        (
            {"replace": False, "number": "+4969120012345", "bridge": "b2"},
            {"sendEmail": False, "serviceNumber": "+4969120012345", "bridgeId": "b2"},
        ),
        (
            {"replace": False, "toll_free": "+49800120012345", "bridge": "b2"},
            {"sendEmail": False, "tollFreeServiceNumber": "+49800120012345", "bridgeId": "b2"},
        ),
    ],
)
async def test_the_change(options: dict[str, Any], body: dict[str, Any]) -> None:
    """Setting Microsoft is one PUT on the user; a number comes with the bridge that has it."""
    recorder = teams({})
    await recorder.teams().set_microsoft(guid(1), **options)
    request = recorder.requests[-1]
    assert (request.method, request.url.path) == ("PUT", f"/Teams.Cpc/users/{guid(1)}")
    assert json.loads(request.content) == body


async def test_bridges_are_read_once_and_again_for_an_unknown_number() -> None:
    """Known numbers cost one call in a process; a number that was bought since is found as well."""
    known = BRIDGES[1:]
    recorder = teams(lambda _: known)
    client = recorder.teams()
    for number in ("+4969120012345", "+49800120012345"):
        assert await client.bridge_of(number) == "b2"
    assert len(recorder.requests) == 2, "discovery and one reading"
    known = BRIDGES
    assert await client.bridge_of("+14255550100") == "b1"
    with pytest.raises(InputError, match=r"\+14255550199 is on no bridge"):
        await client.bridge_of("+14255550199")


async def test_a_refused_token_is_renewed_also_for_a_change() -> None:
    """A change is tried once only; a 401 is no try: the same call goes out with a fresh token."""
    recorder = teams({})
    answer, refusals = recorder.answer, [httpx.Response(401)]
    recorder.answer = lambda request: (
        refusals.pop() if refusals and request.method == "PUT" else answer(request)
    )
    await move(recorder)
    assert [request.method for request in recorder.requests] == ["GET", "PUT", "PUT"]
    assert len(recorder.tokens.forgotten) == 1


async def test_refusals_keep_their_code() -> None:
    """The service's own code reaches the mover, which tells waiting from failing by it."""
    with pytest.raises(NotFoundError):
        await move(teams({"code": "NotAConferencingUser"}, 404))
    with pytest.raises(RejectedError) as caught:
        await move(teams({"code": "ReplaceProviderRetired"}, 400))
    assert caught.value.code == "ReplaceProviderRetired"


async def test_a_call_without_a_turn_in_time_is_not_sent() -> None:
    """The service asked for a pause that is longer than what was read stays fresh: no request."""
    recorder = teams(teams_user(1))
    client = recorder.teams()
    await client.user(guid(1))
    asked = len(recorder.requests)
    recorder.limiter.throttled(recorder.clock.monotonic(), 5)
    with pytest.raises(LateTurnError, match="PUT"):
        await client.set_microsoft(guid(1), replace=True, within=2)
    with pytest.raises(LateTurnError, match="GET"):
        await client.user(guid(1), within=2)
    assert (len(recorder.requests), recorder.clock.passed) == (asked, 0)
    await client.set_microsoft(guid(1), replace=True, within=6)
    assert (len(recorder.requests), recorder.clock.passed) == (asked + 1, 5)


async def test_the_time_for_a_turn_counts_from_before_the_discovery() -> None:
    """What the tenant's region is takes three of two seconds to learn: the set is not sent."""
    recorder = teams(teams_user(1))
    answer = recorder.answer

    def slow(request: httpx.Request) -> httpx.Response:
        recorder.clock.passed += 3
        return answer(request)

    recorder.answer = slow
    with pytest.raises(LateTurnError, match="PUT"):
        await recorder.teams().set_microsoft(guid(1), replace=True, within=2)
    assert [request.method for request in recorder.requests] == ["GET"]


@pytest.mark.parametrize(
    ("headers", "replace", "takes", "constant"),
    [
        ({"Allow": "get, POST"}, False, "GET, POST", "SET_USER"),
        ({"Allow": "PATCH"}, True, "PATCH", "REPLACE_PROVIDER"),
        ({}, False, "another verb", "SET_USER"),
        ({"Allow": ""}, True, "another verb", "REPLACE_PROVIDER"),
    ],
)
async def test_a_verb_that_the_service_does_not_take_is_named(
    headers: dict[str, str],
    replace: bool,
    takes: str,
    constant: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """405: the error and one line of the log say what the service takes, and the constant to correct."""
    client = teams(None, 405, **headers).teams()
    with caplog.at_level("ERROR"):
        for _ in range(2):
            with pytest.raises(RejectedError) as caught:
                await client.set_microsoft(guid(1), replace=replace)
    path, where = "/Teams.Cpc/users/{id}", f"shared/clients/wire.py: {constant}"
    assert caught.value.detail == (
        f"HTTP 405; the service takes {takes}: correct the verb of {path} in {where}"
    )
    [line] = caplog.messages
    shown = f'"{takes}"' if " " in takes else takes
    assert line == f'verb_refused call="PUT {path}" allowed={shown} constant="{where}"'


async def test_a_verb_that_a_read_is_refused_with_is_named_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every call has its constant, not only those that set."""
    with pytest.raises(RejectedError, match="LIST_BRIDGES"):
        await teams(None, 405, Allow="POST").teams().bridge_numbers()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_bad_discovery_is_refused_and_asked_again() -> None:
    """What would break every call is not kept; what is kept is read again after a failure."""
    bad = {**DISCOVERY, "Endpoints": {"AdminServiceEndpoint": "admin.example/\r\nX: y"}}
    known: list[Any] = [bad, DISCOVERY, DISCOVERY]
    status = 500

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == DISCOVER:
            return httpx.Response(200, json=known.pop(0))
        return httpx.Response(status, json=teams_user(1))

    recorder = Recorder(answer)
    client = recorder.teams()
    with pytest.raises(ContractError, match="AdminServiceEndpoint"):
        await client.user(guid(1))
    for _ in range(2):
        with pytest.raises(ServerFaultError):
            await client.user(guid(1))
        recorder.clock.passed += 61
    assert len(known) == 1, "the failures of a minute do not ask again"
    with pytest.raises(ServerFaultError):
        await client.user(guid(1))
    status = 200
    assert await client.user(guid(1)) == in_service(1, third_party())
    assert known == []
