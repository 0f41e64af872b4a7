"""Find a person by any name: the id, today's address, or one of the past, in the directory or the tables."""

from dataclasses import dataclass

from shared.domain.user import DirectoryUser
from shared.errors import AmbiguousNameError, ConflictError, NoSuchItemError, NotFoundError
from shared.services.ports import Directory, PersonalData


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person; user: as the directory has it, None: not there any more."""

    id: str
    user: DirectoryUser | None = None


class People:
    """Finds people. The directory is asked first: the tables have to be read through for a name."""

    def __init__(self, directory: Directory, data: PersonalData) -> None:
        self._directory = directory
        self._data = data

    async def find(self, name: str) -> KnownPerson:
        """Return the person called `name`; an id counts as known.

        NoSuchItemError: neither the directory nor a table knows the name. ConflictError: several had it.
        """
        user = await in_directory(self._directory, name)
        if user:
            return KnownPerson(user.id, user)
        if "@" not in name:
            return KnownPerson(name)
        ids = await self.ids_of(name)
        if len(ids) > 1:
            raise ConflictError(f"user {name!r}: several users had this address; give one of {ids}")
        if not ids:
            raise unknown(name)
        return KnownPerson(ids[0], await in_directory(self._directory, ids[0]))

    async def ids_of(self, name: str) -> list[str]:
        """Return the ids of everybody about whom something is stored under a name, in order."""
        return sorted(await self._data.ids_of(name))


async def in_directory(directory: Directory, name: str) -> DirectoryUser | None:
    """Return the user called `name`, None: there is none. ConflictError: several have the address."""
    found = (await directory.users([name]))[name]
    if isinstance(found, NotFoundError):
        return None
    if isinstance(found, AmbiguousNameError):
        raise ConflictError(f"user {name!r}: {found.detail}")
    if isinstance(found, Exception):
        raise found
    return found


def unknown(name: str) -> NoSuchItemError:
    """Return the error that nobody knows such a user."""
    return NoSuchItemError(f"user {name!r}: neither the directory nor a table knows such a user")
