"""Count the users who are changed: one write of table `guard` per user, however many instances do it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.clock import Clock
from shared.domain.guard import Slot, Slots
from shared.services.ports import GuardSlots

_LEDGERS_KNOWN: Final = 16
_SAME_CHANGE: Final = timedelta(minutes=1)
"""Time in which a user who comes again comes for the same change; later, the window starts over."""
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class _Known:
    """What this process knows of a ledger, and the slots that it is just taking, each until an event."""

    slots: Slots = field(default_factory=Slots)
    taking: dict[int, Slot] = field(default_factory=dict)
    events: dict[str, asyncio.Event] = field(default_factory=dict)
    reads: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class GuardCounter:
    """Takes slots for users; see `shared.domain.guard`."""

    def __init__(self, table: GuardSlots, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._ledgers: dict[str, _Known] = {}

    async def count(self, ledger: str, user_id: str, most: int, window: timedelta | None) -> bool:
        """Count a user, who keeps one slot; False: `most` others are counted, so nobody is.

        window: None: for ever. StorageError: the table does not answer; then nobody may be changed.
        One read of the ledger per process, then one write per user, and one more read and write
        where another instance was faster.
        """
        known = await self._known(ledger)
        while True:
            now = self._clock.now()
            since = now - window if window else _EVER
            if same := known.events.get(user_id):
                await same.wait()
                continue
            own = known.slots.own(user_id, since)
            if own and (window is None or now - own[1].at < _SAME_CHANGE):
                return True
            free = own or known.slots.free_for(user_id, most, since)
            if free is None:
                return False
            number, before = free
            reads = known.reads
            if (before is None or before.etag) and await self._take(
                known, ledger, number, Slot(user_id, now), before
            ):
                return True
            await self._read(known, ledger, reads)

    async def _take(
        self, known: _Known, ledger: str, number: int, slot: Slot, before: Slot | None
    ) -> bool:
        # Noted first, so that users who are counted meanwhile look for other slots.
        known.slots.add(number, slot)
        known.taking[number] = slot
        done = known.events[slot.user_id] = asyncio.Event()
        taken = False
        try:
            taken = await self._table.take(ledger, number, slot.user_id, slot.at, before)
        finally:
            done.set()
            del known.taking[number], known.events[slot.user_id]
            if not taken:
                known.slots.drop(number, slot)
        return taken

    async def _known(self, ledger: str) -> _Known:
        if ledger not in self._ledgers:
            if len(self._ledgers) >= _LEDGERS_KNOWN:
                del self._ledgers[next(iter(self._ledgers))]
            self._ledgers[ledger] = _Known()
        known = self._ledgers[ledger]
        if not known.reads:
            await self._read(known, ledger, 0)
        return known

    async def _read(self, known: _Known, ledger: str, seen: int) -> None:
        """Read the ledger, unless somebody here has since `seen` reads."""
        async with known.reading:
            if known.reads != seen:
                return
            fresh = Slots()
            async for number, slot in self._table.slots(ledger):
                fresh.add(number, slot)
            for number, slot in known.taking.items():
                fresh.add(number, slot)
            known.slots = fresh
            known.reads += 1
