"""Effects of a license, after a lag: the service gets the user, or loses them."""

import heapq
from itertools import count

from local.tenant.clock import Clock
from local.tenant.directory.accounts import Directory
from local.tenant.directory.people import User
from local.tenant.options import TenantOptions
from local.tenant.teams.conferencing import Conferencing


class Provisioning:
    """Carries license changes to the service. Call `settle` before looking: it is lazy."""

    def __init__(
        self,
        options: TenantOptions,
        directory: Directory,
        conferencing: Conferencing,
        clock: Clock,
    ) -> None:
        self._options = options
        self._conferencing = conferencing
        self._clock = clock
        self._due: list[tuple[float, int, User]] = []
        self._order = count()
        for user in directory.users:
            if user.due is not None:
                self._schedule(user, user.due)

    def license_changed(self, user: User) -> None:
        """Plan what follows from the user's license as it is now."""
        if user.licensed == user.provisioned:
            user.due = None
        elif user.due is None:
            self._schedule(user, self._clock.now() + self._options.lag_seconds)

    def reprocess(self, user: User) -> None:
        """Reprocess a license assignment, as reprocessLicenseAssignment asks."""
        if user.licensed and self._options.reprocess_helps:
            user.provisions = user.takes = True
            self._schedule(user, self._clock.now() + self._options.lag_seconds)

    def settle(self) -> None:
        """Do everything that is due by now, in the order in which it fell due."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            due, _, user = heapq.heappop(self._due)
            # Planned again or called off in the meantime: then this one does not count.
            if user.due == due:
                user.due = None
                self._act(user, due)

    def _schedule(self, user: User, due: float) -> None:
        user.due = due
        heapq.heappush(self._due, (due, next(self._order), user))

    def _act(self, user: User, at: float) -> None:
        if user.deleted_at is not None:
            return
        if not user.licensed:
            user.provisioned = False
            self._conferencing.disable(user, at)
        elif user.provisions:
            user.provisioned = True
            self._conferencing.enable(user, at)
