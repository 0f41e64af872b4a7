"""Thirteen faults that the app does not have, put back by the wiring: the simulation has to find each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from shared.bootstrap.services import App
from shared.domain.claim import Claim
from shared.domain.decision import Action, Rules
from shared.domain.history import DialIn, HistoryRecord
from shared.domain.outcome import UserResult
from shared.domain.run import Mode
from shared.domain.user import ServiceUser
from shared.storage.guard import GuardTable
from shared.storage.history import HistoryTable
from shared.storage.move_requests import MoveRequestTable
from shared.storage.replaced import ReplacedProviderTable
from shared.storage.runs import RunTable
from shared.storage.state import StateTable
from shared.storage.waiting import WaitingTable
from tests.simulation.world import Wiring


class _NoLeases(StateTable):
    async def acquire(self, *_: Any, **__: Any) -> bool:
        return True


class _NoPause(StateTable):
    async def pause(self) -> None:
        return None


class _NoGuard(GuardTable):
    async def take(self, *_: Any, **__: Any) -> bool:
        """Write nothing: every slot stays free."""
        return True


class _NoSaves(ReplacedProviderTable):
    async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
        return True

    async def claim(
        self, user: ServiceUser, claim: Claim, action: Action, before: DialIn | None = None
    ) -> None:
        """Claim the change, and save nothing."""
        await super().claim(replace(user, entries=()), claim, action, before)


class _LateSaves:
    """Keeps what is to be saved until the set has happened."""

    def __init__(self, real: ReplacedProviderTable) -> None:
        self._real = real
        self._later: list[tuple[ServiceUser, datetime]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
        self._later.append((user, now))
        return True

    async def claim(
        self, user: ServiceUser, claim: Claim, action: Action, before: DialIn | None = None
    ) -> None:
        self._later.append((user, claim.at))
        await self._real.claim(replace(user, entries=()), claim, action, before)

    async def save_now(self) -> None:
        while self._later:
            await self._real.save_entries(*self._later.pop())


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
    """A service whose answers about users are kept for ever."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self._known: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


class _TeamsRemembered(_Remembers):
    async def user(self, user_id: str, **how: Any) -> Any:
        if user_id not in self._known:
            self._known[user_id] = await self._service.user(user_id, **how)
        return self._known[user_id]


class _GraphRemembered(_Remembers):
    async def users(self, ids: Sequence[str]) -> Mapping[str, Any]:
        if missing := [user for user in ids if user not in self._known]:
            self._known |= await self._service.users(missing)
        return {user: self._known[user] for user in ids}


class _OverwrittenResults(RunTable):
    async def record_results(
        self, run: str, results: Any, now: datetime, began: datetime | None = None
    ) -> None:
        """Write every result into the row of the first user."""
        last: UserResult = results[-1]
        await super().record_results(run, [last], now, began)


class _NoKeys(MoveRequestTable):
    async def run_of(self, key: str, run: str, asked: str) -> str:
        return run


class _DeafWaiting(WaitingTable):
    async def save_waiting(self, waiting: Any) -> None:
        """Remember nobody."""


class _NoHistory(HistoryTable):
    async def add(self, record: HistoryRecord) -> None:
        """Remember nothing."""


def _leases(app: App) -> None:
    app.adapters.state = _NoLeases(app.adapters.tables.table("state"))


def _pause(app: App) -> None:
    app.adapters.state = _NoPause(app.adapters.tables.table("state"))


def _guard(app: App) -> None:
    app.adapters.guard = _NoGuard(app.adapters.tables.table("guard"))


def _saves(app: App) -> None:
    app.adapters.replaced = _NoSaves(app.adapters.tables.table("replacedproviders"))


def _late_saves(app: App) -> None:
    late = _LateSaves(app.adapters.replaced)
    app.adapters.replaced = cast("Any", late)
    app.adapters.teams = cast("Any", _SavesAfterwards(app.adapters.teams, late))


def _entries(app: App) -> None:
    app.adapters.teams = cast("Any", _TeamsRemembered(app.adapters.teams))


def _licenses(app: App) -> None:
    app.adapters.graph = cast("Any", _GraphRemembered(app.adapters.graph))


def _results(app: App) -> None:
    to = app.adapters.tables
    app.adapters.runs = _OverwrittenResults(to.table("runs"), to.table("runresults"))


def _keys(app: App) -> None:
    app.adapters.move_requests = _NoKeys(app.adapters.tables.table("requests"))


def _mode(app: App) -> None:
    app.settings = app.settings.model_copy(update={"mode": Mode.MOVE})


def _waiting(app: App) -> None:
    app.adapters.waiting = _DeafWaiting(app.adapters.tables.table("waiting"), app.adapters.clock)


def _exclusions(app: App) -> None:
    app.adapters.rules = Rules()


def _history(app: App) -> None:
    app.adapters.history = _NoHistory(app.adapters.tables.table("history"))


BUGS: Final[dict[str, Wiring]] = {
    "lease never respected": _leases,
    "saves dropped": _saves,
    "save after set": _late_saves,
    "entries not read again": _entries,
    "license not read again": _licenses,
    "results overwritten": _results,
    "idempotency key ignored": _keys,
    "mode not carried": _mode,
    "waiting not recorded": _waiting,
    "exclusions ignored": _exclusions,
    "pause ignored": _pause,
    "guard not written": _guard,
    "history not written": _history,
}
"""Each fault by its name."""

WITHIN: Final = 60
"""Universes within which each fault that is put back has to be found."""


def wiring(name: str) -> Wiring:
    """Return what puts a fault back; "": none."""
    return BUGS[name] if name else lambda _: None
