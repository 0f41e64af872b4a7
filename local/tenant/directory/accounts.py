"""The directory: every account, looked up by id, by name and by plan, and what changed when."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from local.tenant.clock import stamp
from local.tenant.directory.people import Grant, User
from local.tenant.directory.plans import conferencing_status, plans_of

ChangeListener = Callable[[User, str], None]


class Directory:
    """All users in the order in which lists show them; nobody ever leaves `users`.

    `changes` is the append-only log that delta queries read: the index of the changed user at
    each position.
    """

    def __init__(self) -> None:
        self.users: list[User] = []
        self.changes: list[int] = []
        self.version = 0
        self._by_id: dict[str, User] = {}
        self._by_upn: dict[str, User] = {}
        self._enabled: defaultdict[str, set[int]] = defaultdict(set)
        self._sorted: dict[frozenset[str], tuple[int, list[int]]] = {}
        self._by_address: defaultdict[str, list[int]] | None = None
        self._listeners: list[ChangeListener] = []

    def listen(self, listener: ChangeListener) -> None:
        """Call `listener(user, "updated" | "deleted")` after each change."""
        self._listeners.append(listener)

    def add(self, user: User) -> None:
        """Take in a user who is there from the start."""
        self.users.append(user)
        self._by_id[user.id] = user
        if user.deleted_at is None:
            self._by_upn[user.upn.lower()] = user
        self._index(user, new=True)

    def rename(self, user: User, upn: str) -> None:
        """Give a user another principal name; by the old one nobody is found any more."""
        self._by_upn.pop(user.upn.lower(), None)
        user.upn = upn
        self._by_upn[upn.lower()] = user

    def find(self, key: str, *, deleted: bool = False) -> User | None:
        """The user with that id or principal name; soft-deleted ones only when asked for."""
        user = self._by_id.get(key.lower()) or self._by_upn.get(key.lower())
        if user is None or user.purged or (user.deleted_at is not None and not deleted):
            return None
        return user

    def with_address(self, addresses: Iterable[str]) -> list[User]:
        """The users, in order, with one of the addresses (lower case) as mail, proxy or SIP address."""
        if self._by_address is None:
            self._by_address = defaultdict(list)
            for user in self.users:
                for each in {user.mail, user.sip, *user.aliases} - {None}:
                    self._by_address[str(each).lower()].append(user.index)
        found = {index for each in addresses for index in self._by_address.get(each, ())}
        return [self.users[index] for index in sorted(found)]

    def readdress(self, user: User, mail: str | None) -> None:
        """Give a user another mail address."""
        user.mail = mail
        self._by_address = None

    def with_enabled(self, plan_ids: Iterable[str]) -> list[int]:
        """The indexes, in order, of users with one of the plans Enabled."""
        wanted = frozenset(plan_ids)
        version, found = self._sorted.get(wanted, (-1, []))
        if version != self.version:
            union: set[int] = set()
            for plan_id in wanted:
                union |= self._enabled.get(plan_id, set())
            found = sorted(union)
            self._sorted[wanted] = (self.version, found)
        return found

    def set_grants(self, user: User, grants: dict[str, Grant], at: float) -> None:
        """Change the products of a user; assignedPlans follow at once, as in Graph."""
        user.grants = grants
        user.plans = plans_of(grants, user.plans, stamp(at))
        self._index(user)
        self.touch(user)

    def touch(self, user: User, change: str = "updated") -> None:
        """Log a change that Graph shows, and notify the listeners."""
        self.changes.append(user.index)
        for listener in self._listeners:
            listener(user, change)

    def soft_delete(self, user: User, at: float) -> None:
        """Move a user to the deleted items: out of lists, still known to Teams."""
        user.deleted_at = at
        self._by_upn.pop(user.upn.lower(), None)
        self._index(user)
        self.touch(user)

    def purge(self, user: User) -> None:
        """Delete a soft-deleted user for good."""
        user.purged = True
        self.touch(user, "deleted")

    def _index(self, user: User, *, new: bool = False) -> None:
        user.licensed = conferencing_status(user.plans) == "Enabled"
        self.version += 1
        if not new:
            for members in self._enabled.values():
                members.discard(user.index)
        if user.deleted_at is not None:
            return
        for plan in user.plans:
            if plan["capabilityStatus"] == "Enabled":
                self._enabled[plan["servicePlanId"]].add(user.index)
