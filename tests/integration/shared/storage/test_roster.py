"""Table `roster` against the real Azurite: lists in order, and counts that agree with the rows."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.domain.roster import RosterDay, RosterEntry, Standing
from shared.domain.run import Signal
from shared.storage.roster import RosterTable
from shared.storage.tables import Tables
from tests.fakes import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def roster(tables: Tables) -> RosterTable:
    """The roster."""
    return RosterTable(tables.table("roster"))


def guid(number: int) -> str:
    """The id of user `number`; the users are spread over all partitions."""
    return f"{number % 16:x}0000000-0000-4000-8000-{number:012}"


def entry(number: int, standing: Standing | None = Standing.READY) -> RosterEntry:
    """An entry of user `number`."""
    return RosterEntry(
        guid(number),
        standing,
        "the provider is InterCall",
        NOON,
        upn=f"user{number:04}#EXT#@contoso.com",
        provider="InterCall",
        name=f"User {number}",
        department="Sales",
        country="DE",
    )


async def everybody(roster: RosterTable, standing: Standing, limit: int = 7) -> list[RosterEntry]:
    """All users of a list, page by page."""
    found, after = await roster.page(standing, limit)
    while after:
        more, after = await roster.page(standing, limit, after)
        found += more
    return found


async def test_a_list_comes_page_by_page_in_the_order_of_addresses(roster: RosterTable) -> None:
    """Users of all partitions are merged; no user is missing or there twice; what was written is read."""
    users = [entry(number) for number in range(40)]
    await roster.note(random.Random(7).sample(users, len(users)), NOON)
    assert await everybody(roster, Standing.READY) == users
    assert await everybody(roster, Standing.WAITING) == []
    assert await roster.page(Standing.READY, 5, address="user003") == (
        users[30:35],
        f"l|ready|{users[34].upn.replace('#', '_').casefold()}|{users[34].user_id}",
    )


async def test_the_counts_agree_with_the_rows_after_any_changes(
    tables: Tables, roster: RosterTable
) -> None:
    """Two processes write looks in any order; lists, counts and the last looks agree in the end."""
    rng = random.Random(11)
    looks = [
        replace(
            entry(number, rng.choice([*Standing, None])), seen_at=NOON + timedelta(minutes=minute)
        )
        for minute in range(6)
        for number in range(20)
    ]
    other = RosterTable(tables.table("roster"))
    rng.shuffle(looks)
    signal = Signal.CATCH_UP
    await asyncio.gather(
        *(
            each.note(looks[at::4], NOON, signal)
            for at in range(4)
            for each in [roster, other][at % 2 :][:1]
        )
    )
    counts = Counter({standing: len(await everybody(roster, standing)) for standing in Standing})
    assert await roster.counts() == counts
    for standing in Standing:
        for found in await everybody(roster, standing):
            assert await roster.of(found.user_id) == found


async def test_a_day_has_its_moves_by_signal_and_what_was_left_in_the_end(
    roster: RosterTable,
) -> None:
    """Moves count once, by what led to them; a day on which a partition rested has its last counts.

    Whose license was new counts by its age; of one whose day is not known there is no age.
    """
    users = [entry(number) for number in range(20)]
    await roster.note(users, NOON)
    moved = [
        replace(each, standing=Standing.ON_MICROSOFT, seen_at=LATER, moved=True)
        for each in users[:3]
    ]
    tomorrow = NOON + timedelta(days=1)
    for at, age in enumerate((16, 60)):
        moved[at] = replace(moved[at], licensed_at=tomorrow - timedelta(seconds=age))
    await roster.note(moved, tomorrow, Signal.LICENSE_EVENT)
    await roster.note(moved, tomorrow, Signal.LICENSE_EVENT)
    assert (await roster.figures(NOON.date()))[1] == [
        RosterDay(NOON.date(), {"ready": 20}, {}),
        RosterDay(
            tomorrow.date(), {"ready": 17, "on_microsoft": 3}, {"license_event": 3}, {32: 1, 48: 1}
        ),
    ]
    assert len((await roster.figures(tomorrow.date()))[1]) == 1
    assert (await roster.figures(date.max))[1] == []


async def test_a_second_listing_writes_what_changed_and_removes_who_is_gone(
    roster: RosterTable,
) -> None:
    """Only changed users are written anew; a user who waits stays so; who was not listed is known."""
    users = [entry(number) for number in range(60)]
    await roster.insert(users, NOON)
    assert await everybody(roster, Standing.READY, 20) == users
    waits = replace(users[0], standing=Standing.ATTENTION, reason="refused", seen_at=LATER)
    await roster.note([waits], LATER, Signal.SWEEP)
    known = await roster.known_keys()
    later = [replace(each, seen_at=LATER + timedelta(hours=1)) for each in users[:50]]
    later[1] = replace(later[1], standing=Standing.ON_MICROSOFT, provider="Microsoft")
    new, changed = known.news(later)
    # The first was looked at since, so that the listing writes it anew.
    assert (new, changed) == ([], later[:2])
    await roster.note(changed, LATER)
    assert known.unseen() == sorted(user.user_id for user in users[50:])
    await roster.remove(known.unseen(), LATER)
    kept = replace(waits, seen_at=later[0].seen_at)
    await roster.insert([replace(users[5], provider="BT", seen_at=later[5].seen_at)], LATER)
    assert (await roster.of(users[5].user_id) or users[5]).provider == "BT"
    await roster.insert([replace(users[5], seen_at=LATER + timedelta(hours=2))], LATER)
    assert await everybody(roster, Standing.ATTENTION) == [kept]
    assert await everybody(roster, Standing.ON_MICROSOFT) == [later[1]]
    assert await everybody(roster, Standing.READY, 30) == [
        *users[2:5],
        replace(users[5], seen_at=LATER + timedelta(hours=2)),
        *users[6:50],
    ]
    assert await roster.counts() == {
        **dict.fromkeys(map(str, Standing), 0),
        "ready": 48,
        "attention": 1,
        "on_microsoft": 1,
    }


async def test_a_list_is_narrowed_by_provider_and_country(roster: RosterTable) -> None:
    """Both must fit, pages go on as without, and others are on no page."""
    wanted = [replace(entry(n), provider="BT", country="GB") for n in range(30, 50)]
    others = [entry(1), replace(entry(2), provider="BT"), replace(entry(3), country="GB")]
    await roster.insert([*wanted, *others], NOON)
    first, after = await roster.page(Standing.READY, 15, provider="BT", country="GB")
    assert after is not None
    rest, end = await roster.page(Standing.READY, 15, after, provider="BT", country="GB")
    assert ([*first, *rest], end) == (wanted, None)
    assert await roster.page(Standing.READY, 15, provider="' or '1' eq '1") == ([], None)


async def test_a_damaged_row_is_passed_over_and_written_anew(
    tables: Tables, roster: RosterTable
) -> None:
    """A row without a field, or of a later version, hides no other user, and the next look mends it."""
    users = [entry(number) for number in range(3)]
    await roster.note(users, NOON)
    raw = tables.table("roster")
    damages: list[dict[str, object]] = [{"upn": 7}, {"standing": "of-a-newer-version"}]
    for user, damage in zip(users, damages, strict=False):
        for row in (f"u|{user.user_id}", f"l|ready|{user.upn.replace('#', '_')}|{user.user_id}"):
            keys = {"PartitionKey": "users", "RowKey": row.lower()}
            await raw.merge({**keys, **damage, "listed": "x"})
    assert await roster.page(Standing.READY, 10) == ([users[2]], None)
    assert await roster.of(users[0].user_id) is None
    known = await roster.known_keys()
    assert [known.find(user.user_id) for user in users[:2]] == [b"\0" * 8] * 2
    again = [replace(user, seen_at=LATER) for user in users]
    await roster.note(again, LATER)
    assert await everybody(roster, Standing.READY) == again
