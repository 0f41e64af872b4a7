"""The truth about users: what each is and was, and who made it so."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.user import (
    AccountType,
    DirectoryUser,
    PlanStatus,
    ProviderEntry,
    ServiceUser,
)
from tests.simulation.loop import MIDNIGHT

APP: Final = "app"
EXCLUDED_GROUP: Final = "0f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c13"
PILOT_GROUP: Final = "0f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c14"

MICROSOFT_ENTRY: Final = ProviderEntry(
    "Microsoft", "resources.lync.com", "+15550199", "", "0", "", True
)


@dataclass(frozen=True, slots=True)
class State:
    """What is true of a user at a time."""

    licensed: bool = True
    ready: bool = True
    entries: tuple[ProviderEntry, ...] = ()
    groups: frozenset[str] = frozenset()
    deleted: bool = False
    room: bool = False
    guest: bool = False

    @property
    def third_party(self) -> tuple[ProviderEntry, ...]:
        """The entries that a replacement would destroy."""
        return tuple(entry for entry in self.entries if not entry.is_microsoft)


@dataclass
class Person:
    """A user. past: (since when, state, who made it so), oldest first."""

    id: str
    past: list[tuple[float, State, str]]

    @property
    def upn(self) -> str:
        """The user's address."""
        return f"user{int(self.id[-12:])}@contoso.example"

    @property
    def state(self) -> State:
        """What is true now."""
        return self.past[-1][1]

    def change(self, who: str, **fields: Any) -> None:
        """Make something true from now on."""
        self.past.append((_now(), replace(self.state, **fields), who))

    def seen(self, lag: float = 0.0) -> State:
        """Return what was true `lag` seconds ago."""
        at = _now() - lag
        return next(
            (state for since, state, _ in reversed(self.past) if since <= at), self.past[0][1]
        )

    def in_directory(self, state: State, groups: frozenset[str]) -> DirectoryUser:
        """Return Graph's view of a state. groups: those it is asked about."""
        plan = PlanStatus.ENABLED if state.licensed else None
        return DirectoryUser(
            self.id,
            self.upn,
            plan,
            state.guest,
            state.room,
            "US",
            state.groups & groups,
            licensed_at=self._licensed_at() if state.licensed else None,
        )

    def _licensed_at(self) -> datetime:
        """Return when the last license was assigned: that is the date that Graph shows."""
        times = (
            since
            for (since, state, _), (_, before, _) in zip(self.past[1:], self.past, strict=False)
            if state.licensed and not before.licensed
        )
        return MIDNIGHT + timedelta(seconds=max(times, default=0.0))

    def in_service(self, state: State) -> ServiceUser:
        """Return Teams' view of a state."""
        kind = AccountType.GUEST if state.guest else AccountType.USER
        return ServiceUser(
            self.id, self.upn, kind, state.ready, state.entries, state.deleted, usage_location="US"
        )


@dataclass
class People:
    """All users, and what Graph's delta query reports of them: (user, removed, licensed)."""

    by_id: dict[str, Person] = field(default_factory=dict)
    changes: list[tuple[str, bool, bool]] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    """Every passcode that somebody has or had."""

    def __iter__(self) -> Iterator[Person]:
        return iter(self.by_id.values())

    def add(self, state: State) -> Person:
        """Add a user."""
        person = Person(guid(len(self.by_id) + 1), [(0.0, state, "birth")])
        self.by_id[person.id] = person
        return person

    def license(self, person: Person, who: str, licensed: bool) -> None:
        """Assign or take a license; delta reports it."""
        person.change(who, licensed=licensed)
        self.changes.append((person.id, False, licensed))

    def delete(self, person: Person, who: str, deleted: bool) -> None:
        """Delete or restore an account; delta reports both."""
        person.change(who, deleted=deleted)
        self.changes.append((person.id, deleted, person.state.licensed and not deleted))

    def third_party(self, name: str = "InterCall") -> tuple[ProviderEntry, ...]:
        """Return entries that no other user has, and no user had before."""
        code = f"7{len(self.codes) + 1:07d}"
        self.codes.add(code)
        return (ProviderEntry(name, f"{name}.example", "+15550100", "+18000100", code, "", True),)


def population(rng: random.Random, count: int) -> People:
    """Return users of every kind."""
    people = People()
    for number in range(count):
        kind = rng.random()
        entries = people.third_party() if rng.random() < 0.6 else ()
        people.add(
            State(
                licensed=number == 0 or rng.random() < 0.75,
                ready=rng.random() < 0.8,
                entries=entries if kind < 0.9 else (MICROSOFT_ENTRY,),
                groups=frozenset(
                    [EXCLUDED_GROUP] * (0.1 < kind < 0.2) + [PILOT_GROUP] * (rng.random() < 0.5)
                ),
                room=0.2 < kind < 0.25,
                guest=0.25 < kind < 0.28,
            )
        )
    return people


def guid(number: int) -> str:
    """Return a user id that is easy to tell from others."""
    return f"{number % 16:x}0000000-0000-4000-8000-{number:012d}"


def _now() -> float:
    return asyncio.get_running_loop().time()
