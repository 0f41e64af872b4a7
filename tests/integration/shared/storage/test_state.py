"""Table `state` against the real Azurite: what the app remembers of itself."""

import asyncio
from datetime import timedelta

import pytest

from shared.domain.capabilities import Capabilities, Known
from shared.domain.listing import TenantSwitches
from shared.domain.run import SweepRequest
from shared.domain.subscription import ChangeSubscription, Secret
from shared.errors import (
    StaleError,
)
from shared.storage.state import StateTable
from shared.storage.tables import Tables
from tests.fakes import (
    NOON,
    guid,
)


@pytest.mark.parametrize("switches", [None, TenantSwitches(False, True, False)])
async def test_capabilities_are_remembered(tables: Tables, switches: TenantSwitches | None) -> None:
    """What was found comes back whole; what a later version wrote in words of its own is found out again."""
    state = StateTable(tables.table("state"))
    assert await state.capabilities() is None
    found = Capabilities("admin", NOON, Known.NO, set_verb="accepted", switches=switches)
    await state.save_capabilities(found)
    assert await state.capabilities() == found
    row = {"PartitionKey": "state", "RowKey": "capabilities", "value": '{"api": "admin"}'}
    await tables.table("state").replace(row)
    assert await state.capabilities() is None


async def test_what_protects_is_remembered(tables: Tables) -> None:
    """Ids of excluded names, the digests of the settings, and what is wrong with the rules."""
    state = StateTable(tables.table("state"))
    assert (await state.excluded_ids(), await state.rule_faults()) == ({}, [])
    assert await state.protection() is None
    await state.save_excluded_ids({"jürgen@x.example": guid(1)}, {})
    with pytest.raises(StaleError):
        await state.save_excluded_ids({"adele@x.example": guid(2)}, {})
    await state.save_protection({"ACP_MODE": "0123"})
    await state.save_rule_faults(["one", "two"])
    assert await state.excluded_ids() == {"jürgen@x.example": guid(1)}
    assert await state.protection() == {"ACP_MODE": "0123"}
    assert await state.rule_faults() == ["one", "two"]
    await state.save_rule_faults([])
    assert await state.rule_faults() == []


async def test_subscription_is_remembered(tables: Tables) -> None:
    """The subscription comes back as it was stored, also while it has no id yet."""
    state = StateTable(tables.table("state"))
    assert await state.subscription() is None
    pending = ChangeSubscription((Secret("new"), Secret("old", "id-0", NOON.isoformat())))
    before = None
    for known in (pending, ChangeSubscription((Secret("new", "id-1"),), "id-1", NOON, NOON)):
        await state.save_subscription(known, before)
        assert await state.subscription() == known
        with pytest.raises(StaleError):
            await state.save_subscription(pending, before)
        before = known


async def test_delta_link_and_sweep_are_remembered(tables: Tables) -> None:
    """The delta link, the unfinished sweep and the request for one survive a restart."""
    state = StateTable(tables.table("state"))
    assert (await state.delta_link(), await state.current_sweep()) == (None, None)
    assert await state.sweep_request() is None
    await state.save_delta_link("link", None, NOON)
    await state.save_current_sweep("run", None)
    await state.request_sweep()
    assert (await state.delta_link(), await state.current_sweep()) == ("link", "run")
    assert await state.sweep_request() == SweepRequest()
    served = SweepRequest("run", 2, NOON)
    await state.save_sweep_request(served, SweepRequest())
    assert await state.sweep_request() == served
    await state.save_delta_link("page", "link")
    assert (await state.delta_link(), await state.delta_at()) == ("page", NOON)
    for late in (
        state.save_delta_link("other", "link"),
        state.save_current_sweep("other", None),
        state.save_sweep_request(None, SweepRequest()),
    ):
        with pytest.raises(StaleError):
            await late
    await state.save_current_sweep(None, "run")
    await state.save_sweep_request(None, served)
    assert (await state.current_sweep(), await state.sweep_request()) == (None, None)


async def test_released_sweeps(tables: Tables) -> None:
    """Released sweeps are listed oldest first until they are done."""
    state = StateTable(tables.table("state"))
    for run in ("20261124-b", "20261123-a", "20261123-a"):
        await state.add_released_sweep(run)
    assert await state.released_sweeps() == ["20261123-a", "20261124-b"]
    await state.remove_released_sweep("20261123-a")
    assert await state.released_sweeps() == ["20261124-b"]


async def test_lease_has_one_holder(tables: Tables) -> None:
    """Of many who want a lease at once one gets it; it ends by its time or by its holder."""
    state = StateTable(tables.table("state"))
    span = timedelta(minutes=1)
    names = [str(number) for number in range(8)]
    got = await asyncio.gather(*(state.acquire("x", name, NOON, span) for name in names))
    assert sum(got) == 1
    holder, other = names[got.index(True)], names[got.index(False)]
    assert await state.acquire("x", holder, NOON, span)
    assert not await state.acquire("x", other, NOON + span - timedelta(seconds=1), span)
    await state.release("x", other, NOON)
    assert not await state.acquire("x", other, NOON, span)
    assert not await state.acquire("x", other, NOON + 2 * span, span, renew=True)
    later = NOON + span
    again = await asyncio.gather(*(state.acquire("x", name, later, span) for name in names))
    assert sum(again) == 1
    await state.release("x", names[again.index(True)], later)
    assert await state.acquire("x", other, later, span)
