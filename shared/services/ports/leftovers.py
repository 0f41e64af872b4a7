"""Ports for those who delete: the janitor, and `acp forget`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from shared.domain.retention import StoredRun
    from shared.domain.stored import Person


class Leftovers(Protocol):
    """The tables, as the janitor sees them: by age, in small steps."""

    def runs(self, before: str) -> AsyncIterator[StoredRun]:
        """Yield the runs whose id is below `before`."""
        ...

    async def find(self, run: str) -> StoredRun | None:
        """Return a run, or None when it has no row."""
        ...

    def runs_in(self, table: str, before: str) -> AsyncIterator[str]:
        """Yield the ids below `before` of the runs that have rows in a table."""
        ...

    async def delete_rows(self, table: str, run: str) -> int:
        """Delete some of a run's rows in a table; return how many. 0: none is left."""
        ...

    async def delete_run(self, run: StoredRun) -> bool:
        """Delete a run's own row, unless it was changed since it was read; return whether it was."""
        ...

    async def delete_keys(self, before: datetime) -> int:
        """Delete some idempotency keys that are older; return how many."""
        ...

    async def delete_actions(self, before: datetime) -> int:
        """Delete some records of older actions; return how many."""
        ...

    def untried_users(self, before: datetime) -> AsyncIterator[str]:
        """Yield the ids of users who were neither tried nor known to the directory since then."""
        ...

    def old_history(self, before: datetime) -> AsyncIterator[tuple[str, str]]:
        """Yield the keys of the records of users' histories that are older."""
        ...

    async def delete_history(self, keys: tuple[str, str]) -> None:
        """Delete a record of a user's history."""
        ...

    async def mark_known(self, user_id: str, now: datetime) -> None:
        """Remember that the directory knows a user."""
        ...

    async def delete_user(self, user_id: str, before: datetime) -> bool:
        """Delete a user's row, unless the user was tried since then; return whether it was."""
        ...


class PersonalData(Protocol):
    """Every table with personal data, by person."""

    async def ids_of(self, name: str) -> set[str]:
        """Return the ids of the users about whom something is stored under a name."""
        ...

    async def names_of(self, user_id: str) -> set[str]:
        """Return the names under which something is stored about a user, in lower case."""
        ...

    async def forget(self, table: str, person: Person) -> int:
        """Delete a person from a table; return from how many rows."""
        ...
