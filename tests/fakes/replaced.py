"""Table `replacedproviders`, in memory."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain.claim import HELD_FOR, SETTLED_FOR, BegunChange, Claim
from shared.domain.decision import Action
from shared.domain.history import DialIn
from shared.domain.saved import ReplacedProvider, SavedKeys
from shared.domain.user import MICROSOFT, ConferencingUser, ServiceUser
from shared.errors import (
    BusyError,
    RowRefusedError,
    StorageError,
    TooLargeError,
)


@dataclass
class FakeReplaced:
    """Saved entries; `down` makes every save fail."""

    saved: list[ServiceUser] = field(default_factory=list)
    saved_at: list[datetime] = field(default_factory=list)
    down: bool = False
    too_large: bool = False
    refused: set[str] = field(default_factory=set)
    """Users whose entries the table does not take."""
    moves: dict[str, BegunChange] = field(default_factory=dict)
    numbers: dict[str, BegunChange] = field(default_factory=dict)
    """Changes of a number alone."""
    claims: dict[tuple[str, object], Claim] = field(default_factory=dict)
    """Who changes each user who has such entries."""
    conferencing: dict[ConferencingUser, datetime] = field(default_factory=dict)
    _begun: dict[str, object] = field(default_factory=dict)
    _numbered: dict[str, object] = field(default_factory=dict)

    async def begun(self, user_id: str) -> list[BegunChange]:
        return [kind[user_id] for kind in (self.moves, self.numbers) if user_id in kind]

    async def saved_keys(self) -> SavedKeys:
        keys = SavedKeys()
        for user_id, digest in sorted(map(_record, self.saved)):
            keys.add(user_id, digest)
        return keys

    def has_saved(self, user: ServiceUser, keys: SavedKeys) -> bool:
        return keys.has(*_record(user))

    async def save_entries(self, user: ServiceUser, now: datetime) -> bool:
        if self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        if self.too_large:
            raise TooLargeError("900 provider entries are too many to save")
        if user.id in self.refused:
            raise RowRefusedError("insert in table replacedproviders", "HttpResponseError")
        self.saved.append(user)
        self.saved_at.append(now)
        return True

    async def save_conferencing(self, before: ConferencingUser, upn: str, now: datetime) -> None:
        if self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        self.conferencing.setdefault(before, now)

    async def claim(
        self, user: ServiceUser, claim: Claim, action: Action, before: DialIn | None = None
    ) -> None:
        lost = _lost(user)
        self._hold((user.id, lost), claim)
        if lost:
            await self.save_entries(user, claim.at)
        elif self.down:
            raise StorageError("insert in table replacedproviders", "HttpResponseError")
        if action is Action.SET_NUMBER:
            begun = BegunChange(MICROSOFT, claim.at, claim, before)
            self.numbers[user.id], self._numbered[user.id] = begun, lost
        else:
            provider = user.provider.name if user.provider else ""
            self.moves[user.id] = BegunChange(provider, claim.at, claim)
            self._begun[user.id] = lost

    async def settle_claim(self, user: ServiceUser, claim: Claim, now: datetime) -> None:
        self.claims[user.id, _lost(user)] = replace(claim, at=now - HELD_FOR + SETTLED_FOR)

    async def take_over(self, user_id: str, claim: Claim, *, number: bool = False) -> None:
        begun = self._numbered if number else self._begun
        self._hold((user_id, begun.get(user_id, ())), claim)

    async def cancel(self, user: ServiceUser, now: datetime, *, number: bool = False) -> None:
        if number:
            self.numbers.pop(user.id, None)
            return
        self.claims.pop((user.id, _lost(user)), None)
        self.moves.pop(user.id, None)

    def _hold(self, key: tuple[str, object], claim: Claim) -> None:
        holder = self.claims.get(key)
        if holder and holder.keeps_out(claim):
            raise BusyError("another attempt is changing this user")
        self.claims[key] = claim

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        users = [
            ReplacedProvider(user.id, MICROSOFT, (), at, conferencing=user)
            for user, at in self.conferencing.items()
            if user.id == user_id
        ]
        return users + [
            ReplacedProvider(
                user.id, user.provider.name if user.provider else "", user.entries, at, user.upn
            )
            for user, at in zip(self.saved, self.saved_at, strict=True)
            if user.id == user_id
        ]


def _record(user: ServiceUser) -> tuple[str, str]:
    return user.id, hashlib.sha256(repr(user.entries).encode()).hexdigest()[:32]


def _lost(user: ServiceUser) -> tuple[object, ...]:
    third_party = any(not entry.is_microsoft for entry in user.entries)
    return user.entries if third_party else ()
