"""Table `replacedproviders` against the real Azurite: what is saved, and who changes a user."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.claim import HELD_FOR, BegunChange, Claim
from shared.domain.decision import Action
from shared.domain.history import DialIn
from shared.domain.saved import ReplacedProvider
from shared.domain.user import ProviderEntry, ServiceUser
from shared.errors import (
    BusyError,
    TooLargeError,
)
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.tables import Tables
from tests.fakes import (
    NOON,
    conferencing,
    guid,
    in_service,
    microsoft,
    third_party,
)


async def test_saved_entries_come_back_whole(tables: Tables) -> None:
    """Every field of every entry, the passcode too, is read back as it was."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user = in_service(1, third_party(), third_party("PGi", default=False), microsoft(default=False))
    assert await replaced.save_entries(user, NOON)
    (record,) = await replaced.of(user.id)
    assert record.entries == user.entries
    assert (record.provider, record.saved_at) == ("InterCall", NOON)


async def test_same_entries_leave_one_record_other_entries_another(tables: Tables) -> None:
    """Saving twice, even at once, leaves one record; later entries do not overwrite earlier ones."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user = in_service(1, third_party())
    news = await asyncio.gather(*(replaced.save_entries(user, NOON) for _ in range(5)))
    assert sorted(news) == [False, False, False, False, True]
    assert await replaced.save_entries(in_service(1, third_party("BT")), NOON + timedelta(days=1))
    assert [record.provider for record in await replaced.of(user.id)] == ["InterCall", "BT"]
    assert len([record async for record in replaced.all()]) == 2


async def test_what_is_saved_is_known_by_its_keys(tables: Tables) -> None:
    """Keys that were read once tell which entries are saved, in whatever order; other ones are not."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    saved = [in_service(number, third_party()) for number in range(1, 6)]
    for user in saved:
        await replaced.save_entries(user, NOON)
    two = third_party("BT"), third_party("PGi", default=False)
    await replaced.save_entries(in_service(5, *two), NOON)
    keys = await replaced.saved_keys()
    assert all(replaced.has_saved(user, keys) for user in (*saved, in_service(5, *reversed(two))))
    assert not replaced.has_saved(in_service(1, third_party("BT")), keys)
    assert not replaced.has_saved(in_service(6, third_party()), keys)


async def test_order_and_unknown_fields_make_no_other_entries(tables: Tables) -> None:
    """Finding 19: a listing in another order, or with a field that changes daily, adds no record."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    entries = (third_party(), third_party("PGi", default=False))
    assert await replaced.save_entries(in_service(1, *entries), NOON)
    assert not await replaced.save_entries(in_service(1, *reversed(entries)), NOON)
    for day in range(5):
        odd = [replace(entry, other=f'{{"lastSeen": {day}}}') for entry in entries]
        assert not await replaced.save_entries(in_service(1, *odd), NOON)
    (record,) = await replaced.of(guid(1))
    assert record.entries == entries


async def test_a_conferencing_user_comes_back_whole_and_is_told_from_entries(
    tables: Tables,
) -> None:
    """Saved twice: one record, the first; the new state is another one. The version before reads an entry."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    old, new = conferencing(guid(1)), conferencing(guid(1), "+4969120012345", "europe")
    for minute, before in enumerate((old, old, new)):
        await replaced.save_conferencing(before, "a@x.example", NOON + timedelta(minutes=minute))
    assert await replaced.save_entries(in_service(1, third_party()), NOON + timedelta(hours=1))
    conference, later, entries = await replaced.of(guid(1))
    entry = ProviderEntry("Microsoft", "", "+15550199", "", old.conference_id, "", True)
    assert conference == ReplacedProvider(guid(1), "Microsoft", (entry,), NOON, "a@x.example", old)
    assert (later.conferencing, entries.conferencing) == (new, None)
    assert await replaced.begun(guid(1)) == []


async def test_entries_too_long_for_the_table_are_refused(tables: Tables) -> None:
    """What the table cannot hold whole is an error, so that nothing is replaced."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    with pytest.raises(TooLargeError, match="too many"):
        await replaced.save_entries(in_service(1, *[third_party()] * 500), NOON)


async def test_begun_move_is_known(tables: Tables) -> None:
    """Entries saved for a move tell which provider it replaces and when it began; others do not."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user = in_service(1, third_party("BT"))
    await replaced.save_entries(user, NOON)
    assert await replaced.begun(user.id) == []
    later = NOON + timedelta(days=1)
    claim = Claim("attempt", later, "run")
    await replaced.claim(user, claim, Action.REPLACE)
    assert await replaced.begun(user.id) == [BegunChange("BT", later, claim)]
    (record,) = await replaced.of(user.id)
    assert record.saved_at == NOON


async def test_who_began_a_change_tells_of_it_whoever_claims_later(tables: Tables) -> None:
    """A run enables a user, another one gives a number, a third one another bridge: each is told apart."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user, hour = in_service(1, microsoft()), timedelta(hours=1)
    first, second, third = (
        Claim(f"attempt {number}", NOON + number * hour, f"run-{number}") for number in range(3)
    )
    await replaced.claim(in_service(1), first, Action.ENABLE)
    had = DialIn("Microsoft", "+15550199", bridge="bridge")
    await replaced.claim(user, second, Action.SET_NUMBER, had)
    number = BegunChange("Microsoft", second.at, second, had)
    assert await replaced.begun(user.id) == [BegunChange("", NOON, first), number]
    late = Claim("reader", second.at + HELD_FOR)
    with pytest.raises(BusyError):
        await replaced.take_over(user.id, replace(late, at=second.at), number=True)
    await replaced.take_over(user.id, late, number=True)
    await replaced.claim(user, third, Action.CHANGE_BRIDGE)
    number = replace(number, claim=replace(second, by=third.by))
    assert await replaced.begun(user.id) == [BegunChange("Microsoft", third.at, third), number]
    with pytest.raises(BusyError):
        await replaced.claim(user, Claim("attempt 4", third.at), Action.SET_NUMBER)
    await replaced.cancel(user, third.at)
    assert await replaced.begun(user.id) == [number]
    await replaced.take_over(user.id, Claim("reader", third.at), number=True)
    assert [each.number for each in await replaced.begun(user.id)] == [had], "no move again"
    await replaced.cancel(user, third.at, number=True)
    assert await replaced.begun(user.id) == []
    await replaced.claim(user, Claim("attempt 5", third.at + HELD_FOR), Action.SET_NUMBER, had)
    table = tables.table("replacedproviders")
    (row,) = [row async for row in table.query("PartitionKey eq @user", {"user": user.id})]
    await table.merge({**row, "number_before": "["})
    assert await replaced.begun(user.id) == []
    assert await replaced.of(user.id) == []


async def test_a_move_that_did_not_happen_is_not_the_last_one(tables: Tables) -> None:
    """Finding 16: a canceled move is forgotten, its entries stay saved; begun again it counts."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))
    user, later = in_service(1, third_party("BT")), NOON + timedelta(hours=1)
    await replaced.claim(user, Claim("attempt", NOON), Action.REPLACE)
    await replaced.cancel(user, NOON + timedelta(seconds=1))
    assert await replaced.begun(user.id) == []
    assert [record.entries for record in await replaced.of(user.id)] == [user.entries]
    claim = Claim("another attempt", later)
    await replaced.claim(user, claim, Action.REPLACE)
    assert await replaced.begun(user.id) == [BegunChange("BT", later, claim)]


async def test_one_of_five_attempts_at_once_changes_a_user(tables: Tables) -> None:
    """A claim keeps the others out, with and without entries, until it is given up or too old."""
    replaced = ReplacedProviderTable(tables.table("replacedproviders"))

    async def claim(user: ServiceUser, by: str, at: datetime) -> str | None:
        try:
            await replaced.claim(user, Claim(by, at), Action.REPLACE)
        except BusyError:
            return None
        return by

    for user in (in_service(1, third_party("BT")), in_service(2)):
        tries = [claim(user, f"attempt {number}", NOON) for number in range(5)]
        (first,) = [by for by in await asyncio.gather(*tries) if by]
        assert await claim(user, first, NOON) == first
        assert await claim(user, "late", NOON + HELD_FOR - timedelta(seconds=1)) is None
        await replaced.cancel(user, NOON)
        assert await claim(user, "second", NOON) == "second"
        assert await claim(user, "third", NOON + HELD_FOR) == "third"
        with pytest.raises(BusyError):
            await replaced.take_over(user.id, Claim("fourth", NOON + HELD_FOR))
        claims = [Claim(f"reader {number}", NOON + 2 * HELD_FOR) for number in range(5)]
        told = await asyncio.gather(
            *(replaced.take_over(user.id, claim) for claim in claims), return_exceptions=True
        )
        assert [type(each) for each in told if each].count(BusyError) == 4
    assert [record.provider async for record in replaced.all()] == ["BT"]
