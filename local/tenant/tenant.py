"""The whole tenant, put together: the one object all of its APIs work on."""

import copy
import gc
import random

from local.tenant.clock import Clock
from local.tenant.directory.accounts import Directory
from local.tenant.directory.people import Grant, Kind, User
from local.tenant.directory.population import Population
from local.tenant.faults.faults import Dice
from local.tenant.identity.principals import make_principals
from local.tenant.ledger import Ledger
from local.tenant.options import TenantOptions
from local.tenant.teams.conferencing import Conferencing
from local.tenant.teams.numbers import PROVIDERS, make_bridges, new_guid
from local.tenant.teams.provisioning import Provisioning
from local.tenant.teams.settings import TenantSettings

DAY = 86_400.0


class Tenant:
    """State and behavior without any HTTP. Not thread-safe: one event loop owns it."""

    def __init__(self, options: TenantOptions, clock: Clock | None = None) -> None:
        self.options = options
        self.clock = clock or Clock()
        self.id = options.tenant_id
        self.ledger = Ledger()
        self.dice = Dice(self.ledger, options.faults)
        self._before: dict[int, tuple[float, User]] = {}
        self.settings = TenantSettings(options)
        self.bridges = make_bridges(options.seed)
        self.directory = Directory()
        self._populate()
        self.conferencing = Conferencing(
            options=options,
            directory=self.directory,
            bridges=self.bridges,
            settings=self.settings,
            ledger=self.ledger,
            clock=self.clock,
        )
        self.provisioning = Provisioning(options, self.directory, self.conferencing, self.clock)
        rng = random.Random(f"{options.seed}/ids")  # noqa: S311 - not a secret
        self.app_id = new_guid(rng)
        self.account_id = new_guid(rng)
        self.providers = [provider.as_json(new_guid(rng)) for provider in PROVIDERS]
        ids = random.Random(f"{options.seed}/principals")  # noqa: S311 - not a secret
        self.principals = make_principals(
            self.app_id, self.account_id, (new_guid(ids) for _ in range(2))
        )
        self._rng = random.Random(f"{options.seed}/later")  # noqa: S311 - not a secret

    def _populate(self) -> None:
        """Draw the users. None of them is garbage, so looking for garbage meanwhile is idle."""
        started = self.clock.now()
        collecting = gc.isenabled()
        gc.disable()
        try:
            for user in Population(self.options, self.bridges, started).draw():
                if user.kind is Kind.SOFT_DELETED:
                    user.deleted_at = started - DAY
                self.directory.add(user)
        finally:
            if collecting:
                gc.enable()

    def new_id(self) -> str:
        """A GUID for something made after the start: a user, a subscription, a notification."""
        return new_guid(self._rng)

    def license(self, user: User, add: dict[str, Grant], remove: set[str]) -> None:
        """Assign and take away products by SKU id. Graph shows it now, Teams after the lag."""
        self.remember(user)
        grants = {sku: grant for sku, grant in user.grants.items() if sku not in remove}
        grants.update(add)
        self.directory.set_grants(user, grants, self.clock.now())
        self.provisioning.license_changed(user)

    def remember(self, user: User) -> None:
        """Keep a user as it is, before a write, for reads that are to lag behind."""
        if self.dice.faults.stale_reads:
            self._before[user.index] = (self.clock.now(), copy.copy(user))

    def seen(self, user: User) -> User:
        """The user as a read shows it: as it is, or by a fault as it was before the last write."""
        if not self._before or user.index not in self._before:
            return user
        changed, before = self._before[user.index]
        if self.clock.now() > changed + self.dice.faults.stale_seconds:
            del self._before[user.index]
            return user
        return before if self.dice.strikes("stale_reads") else user
