"""A hostile service: whatever it answers is a named fault or is read, and no listing is endless.

Each kind of finding has a table of members; each is sent to the clients over real HTTP. Anything but a
result or an error of shared/errors.py fails the test, as does more requests than the table permits.
"""

import asyncio
import gzip
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

import pytest

from shared.clients.reading import MOST
from shared.domain.user import DirectoryUser
from shared.errors import (
    AcpError,
    ContractError,
    ExpiredError,
    ListingError,
    RetryLaterError,
    ServiceError,
)
from tests.fakes import guid
from tests.integration.shared.clients.hostile import Asked, Clients, Raw, always, opened
from tests.unit.shared.clients.services import DISCOVERY
from tests.unit.shared.clients.test_graph import graph_user
from tests.unit.shared.clients.test_teams import teams_user

DIGITS = b"9" * 4_301
DEEP = b"[" * 5_000 + b"]" * 5_000
ODD: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "zero": b"0",
    "4,301 digits": DIGITS,
    "minus 4,301 digits": b"-" + DIGITS,
    "1e999": b"1e999",
    "NaN": b"NaN",
    "empty text": b'""',
    "text": b'"x"',
    "half a surrogate": b'"\\ud800"',
    "NUL": b'"\\u0000"',
    "escapes": b'"\\u001b]8;;http://evil.example\\u0007\\r\\n"',
    "long text": b'"' + b"x" * 100_000 + b'"',
    "empty list": b"[]",
    "list of null": b"[null]",
    "empty object": b"{}",
    "object of null": b'{"id":null,"objectId":null}',
    "deep list": DEEP,
    "deep object": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
}
"""Elements and fields of other types than the expected one."""

TAMPERED: dict[str, Raw] = {
    "nothing": Raw(b""),
    "not JSON": Raw(b"<html>no</html>"),
    "half": Raw(b'{"value": [{"id"'),
    "not UTF-8": Raw(b"\xff\xfe\x00"),
    "two marks": Raw(b"\xef\xbb\xbf\xef\xbb\xbf{}"),
    "no body at all": Raw(status=204),
    "not gzip": Raw(b"{}", headers=(("Content-Encoding", "gzip"),)),
    "half gzip": Raw(gzip.compress(b"{}")[:-6], headers=(("Content-Encoding", "gzip"),)),
    "unknown compression": Raw(b"{}", headers=(("Content-Encoding", "br"),)),
    "gzip bomb": Raw(gzip.compress(b" " * (5 * MOST), 1), headers=(("Content-Encoding", "gzip"),)),
    "long body": Raw(b" " * (MOST + 1)),
    "long error": Raw(b"{" * (MOST + 1), status=400),
    "redirect": Raw(status=302, headers=(("Location", "http://evil.example/"),)),
    "status 999": Raw(whole=b"HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\n{}"),
    "status 099": Raw(whole=b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\n{}"),
    "no HTTP": Raw(whole=b"hello\r\n\r\n"),
    "closed": Raw(whole=b""),
    "short": Raw(whole=b"HTTP/1.1 200 X\r\nContent-Length: 50\r\n\r\n{}"),
    "negative length": Raw(whole=b"HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n{}"),
    "long head": Raw(whole=b"HTTP/1.1 200 X\r\nA: " + b"x" * 300_000 + b"\r\n\r\n{}"),
    **{f"only {name}": Raw(odd) for name, odd in ODD.items()},
    **{f"error {name}": Raw(b'{"error":{"code":' + odd + b"}}", 400) for name, odd in ODD.items()},
}
"""Answers that are broken as a whole."""

HEAVY = {"gzip bomb", "long body", "long error"}
"""Those that take their time; a few calls are enough."""

PAUSES = (
    "999999999",
    "1e300",
    "9" * 4_301,
    "-5",
    "nan",
    "inf",
    "soon",
    "",
    "1_000",
    "0x10",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 99 Foo 2026 99:99:99 GMT",
    "9999-12-31T23:59:59Z",
    "2026-11-23T12:00:00+99:99",
    "\x00",
    "é",
)

LISTINGS: dict[str, Callable[[Clients], Awaitable[object]]] = {
    "Graph: licensed users": lambda of: _all(of.graph.licensed_ids(rooms=False)),
    "Graph: members": lambda of: _all(of.graph.members(guid(9))),
    "Graph: subscriptions": lambda of: of.graph.subscriptions(),
    "Graph: changes": lambda of: _all(
        of.graph.changes(f"{of.hostile.origin}/v1.0/users/delta?$deltatoken=0")
    ),
    "Graph: latest link": lambda of: of.graph.latest_delta_link(),
    "Teams: users": lambda of: _all(of.teams.pages()),
}
OTHERS: dict[str, Callable[[Clients], Awaitable[object]]] = {
    "Graph: some users": lambda of: of.graph.users([guid(1), guid(2)]),
    "Graph: probe": lambda of: of.graph.probe(),
    "Graph: renew": lambda of: of.graph.renew_subscription("s", of.hostile.clock.now()),
    "Graph: create": lambda of: of.graph.create_subscription("u", "s", of.hostile.clock.now()),
    "Graph: reprocess": lambda of: of.graph.reprocess(guid(1)),
    "Teams: one user": lambda of: of.teams.user(guid(1)),
    "Teams: set": lambda of: of.teams.set_microsoft(guid(1), replace=True),
    "Teams: providers": lambda of: of.teams.providers(),
    "Teams: bridges": lambda of: of.teams.bridge_numbers(),
    "Teams: switches": lambda of: of.teams.switches(),
    "Teams: probe": lambda of: of.teams.probe(),
}
DOORS = LISTINGS | OTHERS
ITEM = {"id": "1", "objectId": guid(1), "expirationDateTime": "2026-12-01T00:00:00Z"}
FIELDS = {"Graph": "value", "Teams": "users"}


async def _all(pages: Any) -> list[Any]:
    return [page async for page in pages]


async def attempt(of: Clients, work: Callable[[Clients], Awaitable[object]]) -> object:
    """Return what the clients make of it: a result, or a named error. Anything else fails."""
    try:
        return await asyncio.wait_for(work(of), 60)
    except AcpError as error:
        found = error
    assert str(found).isprintable(), "an error is shown to people"
    assert len(str(found)) < 1_000
    return found


def discovering(answer: Callable[[Asked], Raw]) -> Callable[[Asked], Raw]:
    """Answer discovery properly, and everything else with `answer`."""

    def choose(asked: Asked) -> Raw:
        if "serviceDiscovery" in asked.target:
            return Raw(json.dumps(DISCOVERY).encode())
        return answer(asked)

    return choose


def page(service: str, next_page: bytes, items: bytes | None = None, name: str = "") -> bytes:
    """A page with that continuation."""
    name = name or ("NextLink" if service == "Teams" else "@odata.nextLink")
    item = {**ITEM, "id": guid(1)} if service == "Graph" else teams_user(1)
    items = json.dumps([item]).encode() if items is None else items
    return b'{"%s":%s,"%s":%s}' % (FIELDS[service].encode(), items, name.encode(), next_page)


def pages(
    service: str, link: Callable[[Asked], bytes], items: bytes | None
) -> Callable[[Asked], Raw]:
    """Answer with such pages, the continuation made from what was asked."""
    return lambda asked: Raw(page(service, link(asked), items))


@pytest.fixture(autouse=True, scope="module")
def tried() -> Iterator[Counter[str]]:
    """Inputs tried per table, written at the end of the module's tests."""
    counts: Counter[str] = Counter()
    yield counts
    sys.stderr.write(f"\nhostile inputs tried: {dict(counts)}, {counts.total()} in all\n")


@pytest.mark.parametrize("every", [16, pytest.param(1, marks=pytest.mark.large)])
async def test_broken_answers_are_named_faults(every: int, tried: Counter[str]) -> None:
    """Whatever comes as a whole: every call gives a result or a named error, also discovery itself.

    every: each answer is tried at one in so many calls, each time with another first one.
    """
    async with opened() as of:
        for at, (name, answer) in enumerate(TAMPERED.items()):
            works = list(DOORS.values())[at % every :: 8 if name in HEAVY else every]
            for work in works:
                of.hostile.answer = discovering(always(answer))
                await attempt(of, work)
                tried["broken answers"] += 1
            if name not in HEAVY:
                async with opened() as fresh:
                    fresh.hostile.answer = always(answer)
                    assert isinstance(await attempt(fresh, OTHERS["Teams: probe"]), ServiceError)
                    tried["discoveries"] += 1
    assert tried["broken answers"] > 900 / every


async def test_pauses_end(tried: Counter[str]) -> None:
    """Whatever `Retry-After` says, outside and inside a batch: at most a day, and the next call goes on."""
    async with opened() as of:
        for text in PAUSES:
            for status in (429, 503):
                headers = (("Retry-After", text.replace("\x00", "")),)
                inner = {"status": status, "headers": {"Retry-After": text}, "body": {}}
                answers = (
                    Raw(b"{}", status, headers),
                    Raw(json.dumps({"responses": [{"id": "0", **inner}]}).encode()),
                )
                for answer in answers:
                    of.hostile.answer = discovering(always(answer))
                    before = of.hostile.clock.passed
                    await attempt(of, OTHERS["Graph: some users"])
                    assert of.hostile.clock.passed - before < 300, "a queue message is not held"
                    tried["pauses"] += 1
                    of.hostile.clock.passed += 86_401
                    user = json.dumps({"value": [ITEM]}).encode()
                    of.hostile.answer = discovering(always(Raw(user)))
                    assert await attempt(of, OTHERS["Graph: probe"]) is None, text


@pytest.mark.parametrize("door", LISTINGS)
async def test_no_listing_is_endless(door: str, tried: Counter[str]) -> None:
    """Empty, repeated, circling, growing and foreign continuations: an end or an error, soon."""
    service = door.partition(":")[0]
    numbers = count()

    def here(asked: Asked) -> bytes:
        return json.dumps(of.hostile.origin + asked.target).encode()

    def fresh(asked: Asked) -> bytes:
        path = asked.target.partition("?")[0]
        return json.dumps(f"{of.hostile.origin}{path}?$skiptoken={next(numbers)}").encode()

    def fixed(text: bytes) -> Callable[[Asked], bytes]:
        return lambda _: text

    async with opened() as of:
        ends: dict[str, tuple[Callable[[Asked], bytes], bytes | None]] = {
            "the same page": (here, None),
            "the same users": (fresh, None),
            "empty pages": (fresh, b"[]"),
            "odd pages": (fresh, b"[null]"),
            "a token again": (fixed(b'"abc"'), None),
            "foreign": (fixed(b'"http://evil.example/v1.0/users"'), None),
            "foreign port": (fixed(b'"http://127.0.0.1:1/v1.0/users"'), None),
            "foreign scheme": (
                lambda _: json.dumps(f"https{of.hostile.origin[4:]}/x").encode(),
                None,
            ),
            "as a user": (
                lambda _: json.dumps(of.hostile.origin.replace("//", "//a:b@")).encode(),
                None,
            ),
            "no host": (fixed(b'"//"'), None),
            **{f"odd {name}": (fixed(odd), None) for name, odd in ODD.items()},
        }
        # Five hundred calls each; the others go the same way.
        if door != "Graph: changes":
            del ends["empty pages"]
        if door != "Teams: users":
            del ends["odd pages"]
        for name, (link, items) in ends.items():
            of.hostile.answer = discovering(pages(service, link, items))
            asked = len(of.hostile.asked)
            found = await attempt(of, LISTINGS[door])
            assert len(of.hostile.asked) - asked < 600, name
            if not name.startswith("odd "):
                assert isinstance(found, ContractError), (
                    f"{name}: never an end that looks like success"
                )
            tried["listings"] += 1
        assert not [each for each in of.hostile.asked if "evil" in each.target]


async def test_a_listing_with_more_than_it_counted_is_an_error() -> None:
    """Users that are always new, where Graph has counted sixty: not an endless listing."""
    numbers = count(10)

    def answer(_: Asked) -> Raw:
        users = [{"id": guid(next(numbers))} for _ in range(100)]
        link = f"{of.hostile.origin}/v1.0/users?$skiptoken={next(numbers)}"
        return Raw(
            json.dumps({"@odata.count": 60, "value": users, "@odata.nextLink": link}).encode()
        )

    async with opened() as of:
        of.hostile.answer = answer
        found = await attempt(of, LISTINGS["Graph: licensed users"])
        assert isinstance(found, ListingError)
        assert len(of.hostile.asked) < 15


@pytest.mark.parametrize("door", LISTINGS)
async def test_odd_elements_are_set_aside(
    door: str, tried: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    """One odd element between two good ones: both are read, and the odd one is counted in the log."""
    service = door.partition(":")[0]
    items = [{**ITEM, "id": guid(number)} for number in (1, 2)]
    if service == "Teams":
        items = [teams_user(number) for number in (1, 2)]
    good = [json.dumps(each).encode() for each in items]
    async with opened() as of:
        for name, odd in ODD.items():
            caplog.clear()
            body = b'{"%s":[%s,%s,%s],"@odata.deltaLink":"%s/x"}' % (
                FIELDS[service].encode(),
                good[0],
                odd,
                good[1],
                of.hostile.origin.encode(),
            )
            of.hostile.answer = discovering(always(Raw(body)))
            found = await attempt(of, LISTINGS[door])
            tried["elements"] += 1
            if service == "Teams":
                assert isinstance(found, list), name
                assert ([len(each.users) for each in found], len(found[0].faults)) == ([2], 1), name
                continue
            assert not isinstance(found, AcpError), f"{name}: {found}"
            assert any("elements=1" in line for line in caplog.messages), name
            if door == "Graph: changes":
                assert isinstance(found, list)
                assert [user.id for user in found[0].users] == [guid(1), guid(2)], name


async def test_odd_inner_answers_fail_one_user(tried: Counter[str]) -> None:
    """Each field of an inner answer, of each odd type: nineteen users are read, one has an error."""
    users = [guid(number) for number in range(1, 21)]
    async with opened() as of:
        for name, odd in ODD.items():
            for field in ("id", "status", "headers", "body", "all"):
                parts = {
                    "id": b'"0"',
                    "status": b"200",
                    "headers": b'{"Retry-After":%s}' % odd,
                    "body": json.dumps(graph_user(1)).encode(),
                }
                if field == "headers":
                    parts["status"] = b"429"
                parts[field] = odd if field != "headers" else parts["headers"]
                strange = b",".join(
                    b'"%s":%s' % (key.encode(), parts[key]) for key in list(parts)[:4]
                )
                inner = odd if field == "all" else b"{" + strange + b"}"
                good = [
                    json.dumps({"id": str(at), "status": 200, "body": graph_user(at + 1)}).encode()
                    for at in range(1, 20)
                ]
                batch = b'{"responses":[' + b",".join([inner, *good]) + b"]}"
                of.hostile.answer = always(Raw(batch))
                found = await of.graph.users(users)
                tried["inner answers"] += 1
                wrong = [user for user in users if not isinstance(found[user], DirectoryUser)]
                assert wrong == users[:1], f"{field}: {name}"


async def test_answers_about_somebody_else_are_nobodys(tried: Counter[str]) -> None:
    """A's question answered with B, at each client, alone and in a batch: an error, never B's data."""
    async with opened((guid(91),)) as of:

        def swapped(asked: Asked) -> Raw:
            requests = json.loads(asked.body)["requests"]
            bodies = {
                "visibility": {"id": guid(92)},
                "checkMemberGroups": {"value": [guid(92)]},
            }
            answers = [
                {
                    "id": each["id"],
                    "status": 200,
                    "body": next((b for k, b in bodies.items() if k in each["url"]), graph_user(2)),
                }
                for each in requests
            ]
            return Raw(json.dumps({"responses": answers}).encode())

        of.hostile.answer = swapped
        for name in (guid(1), "user1@contoso.example", "USER3@contoso.example"):
            found = await of.graph.users([name])
            assert isinstance(found[name], ContractError)
            tried["somebody else"] += 1
        # The right user, but the answer about the excluded group is another group's: nobody passes.
        assert isinstance(await attempt(of, lambda of: of.graph.users([guid(2)])), ContractError)
        twice = {"id": "0", "status": 200, "body": graph_user(1)}
        of.hostile.answer = lambda _: Raw(json.dumps({"responses": [twice, twice]}).encode())
        assert isinstance((await of.graph.users([guid(1)]))[guid(1)], ContractError)
        of.hostile.answer = discovering(lambda _: Raw(json.dumps(teams_user(2)).encode()))
        assert isinstance(await attempt(of, OTHERS["Teams: one user"]), ContractError)
        of.hostile.answer = lambda _: Raw(json.dumps(ITEM).encode())
        assert isinstance(await attempt(of, OTHERS["Graph: renew"]), ContractError)
        tried["somebody else"] += 4


async def test_one_long_pause_inside_keeps_nineteen_answers() -> None:
    """One inner 429 for an hour: its user is told to wait, the others are read, and only once."""
    users = [guid(number) for number in range(1, 21)]
    for status in (429, 503):
        async with opened() as of:
            held = {"id": "0", "status": status, "headers": {"Retry-After": "3600"}, "body": {}}
            good = [{"id": str(n), "status": 200, "body": graph_user(n + 1)} for n in range(1, 20)]
            answer = Raw(json.dumps({"responses": [held, *good]}).encode())
            of.hostile.answer = always(answer)
            found = await of.graph.users(users)
            assert [type(found[user]) for user in users] == [RetryLaterError] + [DirectoryUser] * 19
            assert len(of.hostile.asked) == 1


async def test_memory_of_a_bomb_is_bounded() -> None:
    """183 kB that unpack to 40 MB cost no more than three times the largest answer that is read."""
    bomb = TAMPERED["gzip bomb"]
    assert len(bomb.body) < 200_000
    async with opened() as of:
        of.hostile.answer = lambda _: bomb
        tracemalloc.start()
        assert isinstance(await attempt(of, OTHERS["Graph: probe"]), ContractError)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    sys.stderr.write(f"\npeak of a gzip bomb of {len(bomb.body)} bytes: {peak:.0f} MB\n")
    assert peak < 3 * MOST / 2**20


async def test_a_stored_link_of_another_origin_begins_anew() -> None:
    """The delta link was stored under another address of Graph: expired, so a new round begins."""
    async with opened() as of:
        link = "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=1"
        with pytest.raises(ExpiredError):
            await _all(of.graph.changes(link))
        assert of.hostile.asked == []
