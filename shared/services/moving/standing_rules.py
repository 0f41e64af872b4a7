"""The rules of the settings, with the ids of the users whom they exclude by name.

A name is looked up once and its id remembered, so that a user who is renamed stays excluded.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import batched
from typing import Final

from shared.clock import Clock
from shared.domain.decision import Rules
from shared.domain.messages import USERS_PER_MESSAGE
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.domain.user import DirectoryUser
from shared.errors import AmbiguousNameError, NotFoundError, StaleError
from shared.services.ports import Bridges, Directory, State

_FRESH: Final = 600.0
"""Seconds for which ids and bridges are trusted in this process."""


class StandingRules:
    """Gives the rules as they hold now."""

    def __init__(
        self, rules: Rules, directory: Directory, bridges: Bridges, state: State, clock: Clock
    ) -> None:
        self._rules = rules
        self._directory = directory
        self._bridges = bridges
        self._state = state
        self._clock = clock
        self._known = rules
        self._known_until = float("-inf")
        self._numbers: Mapping[str, str] = {}
        self._numbers_until = float("-inf")

    async def current(self, options: MoveOptions = DEFAULT_OPTIONS) -> Rules:
        """Return the rules of a run with these options.

        ServiceError (AmbiguousNameError: an excluded address is that of several users), StorageError:
        they are not known, so nobody may be changed.
        """
        rules = await self._with_ids()
        rules = rules.with_numbers(options.service_number, options.toll_free_number)
        if not (rules.numbers or rules.toll_free or options.own_numbers):
            return rules
        if self._clock.monotonic() >= self._numbers_until:
            known = await self._bridges.bridge_numbers()
            self._numbers = {each.number: each.bridge for each in known}
            self._numbers_until = self._clock.monotonic() + _FRESH
        return replace(rules, bridges=self._numbers)

    async def _with_ids(self) -> Rules:
        names = {name for name in self._rules.excluded if "@" in name}
        if names and self._clock.monotonic() >= self._known_until:
            ids = await self._ids_of(names)
            self._known = replace(self._rules, excluded=self._rules.excluded | set(ids.values()))
            self._known_until = self._clock.monotonic() + _FRESH
        return self._known

    async def _ids_of(self, names: set[str]) -> Mapping[str, str]:
        stored = await self._state.excluded_ids()
        known = {name: user for name, user in stored.items() if name in names}
        fresh = {}
        for name, user in (await look_up(self._directory, sorted(names - known.keys()))).items():
            if isinstance(user, AmbiguousNameError):
                raise user
            if user:
                fresh[name] = user.id
        if fresh:
            # What others remember meanwhile stays remembered; then these are looked up again later.
            with suppress(StaleError):
                await self._state.save_excluded_ids({**known, **fresh}, stored)
        return {**known, **fresh}


async def look_up(
    directory: Directory, names: Iterable[str]
) -> dict[str, DirectoryUser | AmbiguousNameError | None]:
    """Return each user by name; None: there is none. Other ServiceError: Graph did not say."""
    users: dict[str, DirectoryUser | AmbiguousNameError | None] = {}
    for some in batched(names, USERS_PER_MESSAGE, strict=False):
        for name, found in (await directory.users(some)).items():
            if isinstance(found, NotFoundError):
                users[name] = None
            elif isinstance(found, DirectoryUser | AmbiguousNameError):
                users[name] = found
            else:
                raise found
    return users
