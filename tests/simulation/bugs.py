"""Ten faults that the app does not have, put back by the wiring: the simulation has to find each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast

from shared.domain.decision import Rules
from shared.domain.outcome import UserResult
from shared.domain.user import ServiceUser
from shared.storage.move_requests import MoveRequestTable
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.waiting import WaitingTable
from tests.simulation.world import SimulatedAdapters, Wiring


class _NoLeases(StateTable):
    async def acquire(self, *_: Any, **__: Any) -> bool:
        return True


class _NoSaves(ReplacedProviderTable):
    async def save_entries(
        self, user: ServiceUser, now: datetime, *, for_move: bool = False
    ) -> bool:
        return True


class _LateSaves(ReplacedProviderTable):
    """Keeps what is to be saved until the set has happened."""

    def __init__(self, real: ReplacedProviderTable) -> None:
        self._real = real
        self._later: list[tuple[ServiceUser, datetime]] = []

    async def save_entries(
        self, user: ServiceUser, now: datetime, *, for_move: bool = False
    ) -> bool:
        self._later.append((user, now))
        return True

    async def save_now(self) -> None:
        while self._later:
            await self._real.save_entries(*self._later.pop(), for_move=True)

    async def last_move(self, user_id: str) -> tuple[str, datetime] | None:
        return await self._real.last_move(user_id)


class _SavesAfterwards:
    """Teams, where a set is followed by the saves that should have come before it."""

    def __init__(self, teams: Any, saves: _LateSaves) -> None:
        self._teams, self._saves = teams, saves

    def __getattr__(self, name: str) -> Any:
        return getattr(self._teams, name)

    async def set_microsoft(self, *given: Any, **options: Any) -> None:
        await self._teams.set_microsoft(*given, **options)
        await self._saves.save_now()


class _Remembers:
    """A service whose answers are kept for ever. call: the one that is."""

    def __init__(self, service: Any, call: str) -> None:
        self._service, self._call = service, call
        self._known: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name != self._call:
            return getattr(self._service, name)

        async def remembered(key: Any) -> Any:
            known = str(key)
            if known not in self._known:
                self._known[known] = await getattr(self._service, name)(key)
            return self._known[known]

        return remembered


class _OverwrittenResults(RunTable):
    async def record_results(self, run: str, results: Any, now: datetime) -> None:
        """Write every result into the row of the first user."""
        last: UserResult = results[-1]
        await super().record_results(run, [last], now)


class _NoKeys(MoveRequestTable):
    async def run_of(self, key: str, run: str, asked: str) -> str:
        return run


class _DeafWaiting(WaitingTable):
    async def save_waiting(self, waiting: Any) -> None:
        """Remember nobody."""


def _leases(to: SimulatedAdapters) -> None:
    to.state = _NoLeases(to.tables.table("state"))


def _saves(to: SimulatedAdapters) -> None:
    to.replaced = _NoSaves(to.tables.table("replacedproviders"))


def _late_saves(to: SimulatedAdapters) -> None:
    late = _LateSaves(to.replaced)
    to.replaced = late
    to.teams = cast("Any", _SavesAfterwards(to.teams, late))


def _entries(to: SimulatedAdapters) -> None:
    to.teams = cast("Any", _Remembers(to.teams, "user"))


def _licenses(to: SimulatedAdapters) -> None:
    to.graph = cast("Any", _Remembers(to.graph, "users"))


def _results(to: SimulatedAdapters) -> None:
    to.runs = _OverwrittenResults(to.tables.table("runs"), to.tables.table("runresults"))


def _keys(to: SimulatedAdapters) -> None:
    to.move_requests = _NoKeys(to.tables.table("requests"))


def _mode(to: SimulatedAdapters) -> None:
    """The mode of the settings reaches no service; the process still runs in it."""
    to.process.mode = str(to.settings.mode)


def _poison(to: SimulatedAdapters) -> None:
    to.waiting = _DeafWaiting(to.tables.table("waiting"))


def _exclusions(to: SimulatedAdapters) -> None:
    to.rules = Rules()


BUGS: Final[dict[str, Callable[[SimulatedAdapters], None]]] = {
    "lease never respected": _leases,
    "saves dropped": _saves,
    "save after set": _late_saves,
    "entries not read again": _entries,
    "license not read again": _licenses,
    "results overwritten": _results,
    "idempotency key ignored": _keys,
    "mode not carried": _mode,
    "waiting not recorded": _poison,
    "exclusions ignored": _exclusions,
}
"""Each fault by its name."""


def wiring(name: str) -> Wiring:
    """Return what puts a fault back; "": none."""
    return BUGS[name] if name else lambda _: None
