"""The way through a listing: continuations under any spelling, and an end to every listing."""

import json
from typing import Any

import httpx
import pytest

from shared.clients.graph_models import UserId
from shared.clients.pages import Page, Trail, page_reader
from shared.clients.teams_listing import Place, continuation
from shared.errors import ExpiredError, ListingError, RejectedError, RetryLaterError
from tests.fakes import guid
from tests.unit.shared.clients.services import DISCOVERY, ORIGIN, Recorder
from tests.unit.shared.clients.test_teams import teams, teams_user

READ = page_reader(UserId)
FIRST = httpx.URL(f"{ORIGIN}/Teams.User/users?pagesize=2&select=objectId")


def trail(**options: int) -> Trail:
    """A trail of links that need no checking."""
    return Trail("Teams", "GET /x", lambda link: link, **options)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        *(
            ({name: "there"}, "there")
            for name in (
                "NextLink",
                "nextLink",
                "nextlink",
                "NEXTLINK",
                "next_link",
                "@odata.nextLink",
                "@odata.nextlink",
                "odata.nextLink",
                "skipToken",
                "$skiptoken",
                "SkipToken",
                "continuationToken",
                "ContinuationToken",
                "x-continuation",
                "nextPageToken",
            )
            if name != "x-continuation"
        ),
        ({"nextLink": " there "}, "there"),
        ({"nextLink": 7}, "7"),
        ({"skipToken": "t", "nextLink": "https://a.example/x"}, "https://a.example/x"),
        ({"nextLink": None}, None),
        ({"nextLink": ""}, None),
        ({"nextLink": "  ", "skipToken": "t"}, "t"),
        ({"nextLink": False}, None),
        ({"@odata.context": "https://a.example/"}, None),
        ({}, None),
    ],
)
def test_continuations_of_all_spellings(given: dict[str, Any], found: object) -> None:
    """Where the next page is, however it is called; blank and null are an end."""
    assert READ(json.dumps({"value": [], **given}).encode()).next == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (f"{ORIGIN}/Teams.User/users?x=1", f"{ORIGIN}/Teams.User/users?x=1"),
        ("/Teams.User/users?x=1", f"{ORIGIN}/Teams.User/users?x=1"),
        ("abc/+=", f"{FIRST}&skiptoken=abc%2F%2B%3D"),
        ("/9j/4AAQ", f"{FIRST}&skiptoken=%2F9j%2F4AAQ"),
        ("a:b", f"{FIRST}&skiptoken=a%3Ab"),
        ("https://evil.example/Teams.User/users", None),
        ("//evil.example/Teams.User/users", None),
        (f"{ORIGIN}.evil.example/", None),
        (f"{ORIGIN}:444/Teams.User/users", None),
        ("https://service.example@evil.example/", None),
        ("HTTPS://evil.example/", None),
    ],
)
def test_an_address_is_followed_and_a_token_goes_back(given: str, found: str | None) -> None:
    """An address of the same origin is followed, one of another refused, all else is a `skiptoken`."""
    assert continuation(FIRST, given) == found


def test_links_that_cannot_be_sent_are_refused() -> None:
    """A link of another type, too long, or with letters that no address has, ends in an error."""
    odd: list[object] = [{}, ["x"], 1.5, True, "\ud800", "a\r\nb", "é", "x" * 20_000]
    for link in odd:
        with pytest.raises(ListingError, match="no text that can be sent"):
            trail().next(Page([], link))


def test_a_page_seen_before_is_an_error() -> None:
    """Also the first page, and one some pages ago."""
    way = trail()
    assert way.next(Page([1], "b"), "a") == "b"
    assert way.next(Page([1], "c"), "b") == "c"
    for link in ("a", "b", "c"):
        with pytest.raises(ListingError, match="read already"):
            way.next(Page([1], link), "c")


@pytest.mark.parametrize(
    ("page", "pages", "options"),
    [
        (Page([], "x"), 500, {}),
        (Page([], "x", [("", "odd")] * 9), 500, {}),
        (Page([1], "x", first="u"), 3, {}),
        (Page([1], "x", first="u"), 7, {"repeats": 7}),
        (Page([1] * 100, "x", count=60), 10, {}),
        (Page([1], "x"), 40, {"most": 40}),
    ],
)
def test_a_listing_that_brings_nothing_new_ends(
    page: Page[int], pages: int, options: dict[str, int]
) -> None:
    """Empty pages, the same users, more than was counted, too many pages: an error after a while."""
    way = trail(**options)

    def go_on(number: int) -> None:
        way.next(Page(page.items, f"x{number}", page.faults, page.first, page.count))

    for number in range(pages):
        go_on(number)
    with pytest.raises(ListingError, match="the listing cannot be trusted"):
        go_on(pages)


def test_a_place_travels_in_a_link() -> None:
    """What is known of a listing survives an interruption; damaged or missing, it is the beginning."""
    place = Place(size=500, full=500, listed=3_000, before=4_000)
    assert Place.of(place.on("https://a.example/x?y=1"), 1_000) == place
    assert Place.of("https://a.example/x?y=1", 1_000) == Place(1_000)
    assert Place.of("https://a.example/x#size=9999999&full=-3&listed=nan&before=x", 7) == Place(
        1_000
    )


@pytest.mark.parametrize("users", [1, 2, 999, 1_000, 2_000, 999_000, 1_000_000, 5_000_000])
def test_another_page_size_never_divides_what_was_counted(users: int) -> None:
    """So a tenant of exactly N full pages is believed after a second listing."""
    for size in (1, 2, 10, 999, 1_000):
        again = Place(size, listed=users).again(0)
        assert users % again.size != 0
        assert again == Place(again.size, before=users)


def listing(count: int, *, most: int = 1_000, cut: bool = False) -> Any:
    """A service with so many users, which gives at most `most` per page; cut: one page only."""
    users = [teams_user(number) for number in range(1, count + 1)]

    def answer(request: httpx.Request) -> dict[str, Any]:
        size = min(int(request.url.params["pagesize"]), most)
        at = int(request.url.params.get("skiptoken", 0))
        more = at + size < count and not cut
        return {"users": users[at : at + size], "skipToken": str(at + size) if more else None}

    return answer


@pytest.mark.parametrize("most", [5, 1_000])
@pytest.mark.parametrize("count", range(14))
async def test_every_tenant_is_listed_to_its_end(count: int, most: int) -> None:
    """Of any size, multiples of a page too, and with pages smaller than asked for: each user once."""
    recorder = teams(listing(count, most=most))
    found: list[str] = []
    async for page in recorder.teams(page_size=6).pages():
        found = [] if page.restarts else found
        found += [user.id for user in page.users]
    assert found == [guid(number) for number in range(1, count + 1)]


async def test_a_listing_is_resumed_at_each_page() -> None:
    """From the link of any page the rest follows, with the second listing after a full last page."""
    recorder = teams(listing(8))
    pages = [page async for page in recorder.teams(page_size=4).pages()]
    assert [len(page.users) for page in pages] == [4, 4, 3, 3, 2]
    for at, page in enumerate(pages[:-1], 1):
        rest = [page async for page in teams(listing(8)).teams(page_size=4).pages(page.next_link)]
        assert rest == pages[at:]


async def test_a_listing_cut_off_twice_is_an_error() -> None:
    """Each listing ends on its one full page without a continuation: never an end."""
    with pytest.raises(ListingError, match="full page, with two page sizes"):
        async for _ in teams(listing(100, cut=True)).teams(page_size=4).pages():
            pass


async def test_a_second_listing_with_fewer_users_is_an_error() -> None:
    """The second listing ends on a page that is not full, but has half of the users only."""
    whole, half = listing(40), listing(20)
    recorder = teams(
        lambda request: (whole if request.url.params["pagesize"] == "40" else half)(request)
    )
    with pytest.raises(ListingError, match="of 40 users it has 20"):
        async for _ in recorder.teams(page_size=40).pages():
            pass


def refusing(status: int, code: str, *, from_page: int) -> Recorder:
    """A service whose listings answer so from a page on: of Graph's kind and of Teams' kind."""
    pages = iter(range(9))

    def answer(request: httpx.Request) -> httpx.Response:
        if "serviceDiscovery" in request.url.path:
            return httpx.Response(200, json=DISCOVERY)
        if (page := next(pages)) >= from_page:
            return httpx.Response(status, json={"error": {"code": code}})
        link = f"{ORIGIN}{request.url.path}?$skiptoken={page}"
        rows = {"value": [{"id": guid(page)}], "users": [teams_user(page)]}
        return httpx.Response(200, json={**rows, "@odata.nextLink": link})

    return Recorder(answer)


async def test_a_listing_goes_on_where_it_was_after_a_long_pause() -> None:
    """Without somebody who waits, or longer than that, the pause is an error."""
    pages = iter([200, 429, 200, 429])

    def answer(request: httpx.Request) -> httpx.Response:
        status = next(pages)
        link = f"{ORIGIN}{request.url.path}?$skiptoken={len(recorder.requests)}"
        body = {"value": [{"id": guid(len(recorder.requests))}], "@odata.nextLink": link}
        return httpx.Response(status, json=body, headers={"Retry-After": "600"})

    waited: list[float] = []

    async def wait(seconds: float) -> bool:
        waited.append(round(seconds))
        recorder.clock.passed += seconds
        return len(waited) < 2

    recorder = Recorder(answer)
    read: list[str] = []

    async def list_users() -> None:
        async for page in recorder.graph().licensed_ids(rooms=False, wait=wait):
            read.extend(page)

    with pytest.raises(RetryLaterError):
        await list_users()
    assert (read, waited) == ([guid(1), guid(3)], [600, 600])


@pytest.mark.parametrize(
    ("status", "code"), [(400, "Directory_ExpiredPageToken"), (410, "Gone"), (410, "")]
)
async def test_a_next_page_that_expired_is_told_from_other_refusals(status: int, code: str) -> None:
    """In the middle of each listing: only reading it from its beginning helps."""
    with pytest.raises(ExpiredError, match="the next page has expired or is refused"):
        async for _ in refusing(status, code, from_page=1).graph().licensed_ids(rooms=False):
            pass
    with pytest.raises(ExpiredError, match="the next page has expired or is refused"):
        async for _ in refusing(status, code, from_page=1).teams().pages():
            pass


@pytest.mark.parametrize("from_page", [0, 1])
async def test_other_refusals_stay_what_they_are(from_page: int) -> None:
    """A first page never expires, and Graph's next page is refused for other reasons, too."""
    bad = ("Request_BadRequest", "Directory_ExpiredPageToken")[from_page == 0]
    with pytest.raises(RejectedError) as caught:
        async for _ in refusing(400, bad, from_page=from_page).graph().licensed_ids(rooms=False):
            pass
    assert type(caught.value) is RejectedError
    with pytest.raises(RejectedError) as caught:
        async for _ in refusing(400, "x", from_page=0).teams().pages():
            pass
    assert type(caught.value) is RejectedError
