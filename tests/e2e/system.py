"""The whole system on this machine, every part of it real: tenant, host with the app, Azurite.

In through a trigger, out through the tenant's state: a test starts a `System`, does what an
administrator or Graph does, waits for what must follow, and checks the tenant.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from local.azurite.server import Azurite
from local.stack import app_settings, copy_app
from local.waiting import wait_until
from tests.e2e.host import Host
from tests.e2e.secrets import secrets_in
from tests.e2e.storage import AppStorage
from tests.e2e.tenant import TIME_LIMIT, Tenant, User

NEVER = "0 0 0 29 2 *"
"""A schedule that leaves it to the test when a timer runs."""

EVERY_SECOND = "*/1 * * * * *"
_EVERY_THIRD_SECOND = "*/3 * * * * *"
"""A tick costs some ten requests to the storage, and several apps run at once."""

IMPATIENT = {"maxPollingInterval": "00:00:01", "visibilityTimeout": "00:00:01"}
"""Of host.json's queues: poll sooner, and give a failed message another attempt sooner."""

_SETTINGS = {
    "ACP_RECHECK_DELAYS": "1,1,2",
    "ACP_RECHECK_SCHEDULE": _EVERY_THIRD_SECOND,
    "ACP_SWEEP_SCHEDULE": NEVER,
    "ACP_SUBSCRIPTION_SCHEDULE": NEVER,
    "ACP_CATCH_UP_SCHEDULE": NEVER,
}

Json = dict[str, Any]


class System:
    """One app with its own queue and tables, working on one tenant. Context manager.

    settings: app settings that differ from the usual ones. connection: the connection string the
    app gets, if not Azurite's own.
    """

    def __init__(
        self,
        azurite: Azurite,
        tenant: Tenant,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        connection: str | None = None,
    ) -> None:
        self.tenant = tenant
        name = f"e{uuid.uuid4().hex[:12]}"
        self._stack = ExitStack()
        self.storage = AppStorage(azurite.connection_string, name)
        known = app_settings(connection or azurite.connection_string, tenant, name)
        given = {**known, **_SETTINGS, **(settings or {})}
        self.host = Host(folder / name, copy_app(folder, IMPATIENT), given)
        self.settings = self.host.settings

    def __enter__(self) -> Self:
        self._stack.enter_context(self.storage)
        self._stack.callback(self.host.close)
        try:
            self.host.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            secrets = self.secrets_in_log()
        finally:
            self._stack.close()
        assert not secrets, f"the host's log carries {secrets}"

    # -- in

    def wait_until_subscribed(self) -> None:
        """Wait until the app has subscribed to changes in Graph, which it does when it starts."""
        wait_until(self.storage.subscription_id, "the app has a subscription", TIME_LIMIT)

    def notification(self, user: User, **other: object) -> Json:
        """A change notification about `user` that the app must believe; `other` spoils it."""
        known = self.storage.subscription()
        return {
            "id": str(uuid.uuid4()),
            "subscriptionId": known["subscription_id"],
            "clientState": known["client_state"],
            "tenantId": self.tenant.id,
            "changeType": "updated",
            "resource": f"Users/{user['id']}",
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.User",
                "@odata.id": f"Users/{user['id']}",
                "id": user["id"],
                "organizationId": self.tenant.id,
            },
            **other,
        }

    def event(self, user: User, **other: object) -> Json:
        """The same as a CloudEvent 1.0."""
        return {
            "id": str(uuid.uuid4()),
            "type": "Microsoft.Graph.UserUpdated",
            "source": f"/tenants/{self.tenant.id}/applications/{uuid.uuid4()}",
            "subject": f"Users/{user['id']}",
            "time": "2026-11-23T10:00:00.0000000Z",
            "datacontenttype": "application/json",
            "specversion": "1.0",
            "data": self.notification(user, **other),
        }

    # -- out

    def wait_for(self, user: User, outcome: str) -> User:
        """Wait until the app has recorded this outcome of a user; return the user as it is then."""
        wait_until(
            lambda: self.storage.outcome(user["id"]) == outcome,
            f"outcome {outcome} of a user of kind {user['kind']}",
            TIME_LIMIT,
        )
        return self.tenant.user(user["id"])

    def wait_until_idle(self) -> None:
        """Wait until nothing is on its way: no notification, no message, none being worked on."""
        self.tenant.wait_until_delivered()
        wait_until(lambda: not self.storage.queued(), "the queue is empty", TIME_LIMIT)

    def sweep(self) -> None:
        """Run the sweep and wait until all that it queued is done."""
        self.host.run("sweep_providers")
        self.wait_until_idle()

    @contextmanager
    def changing(self, *users: User) -> Iterator[None]:
        """What happens inside must change just these users' conferencing, each once."""
        before = len(self.tenant.changes())
        yield
        self.wait_until_idle()
        changed = [change["user"] for change in self.tenant.changes()[before:]]
        assert sorted(changed) == sorted(user["id"] for user in users)

    @contextmanager
    def queueing_nothing(self) -> Iterator[None]:
        """What happens inside must not put a message onto the queue."""
        before = self.host.messages_taken()
        yield
        # A message that were sent would be on the queue, or taken off it and counted.
        assert self.storage.queued() == 0
        assert self.host.messages_taken() == before

    @contextmanager
    def poisoning(self, text: str) -> Iterator[None]:
        """What happens inside must put just this text onto the poison queue, and no other."""
        before = self.storage.poisoned()
        yield
        wait_until(
            lambda: len(self.storage.poisoned()) > len(before), "a poison message", TIME_LIMIT
        )
        self.wait_until_idle()
        assert sorted(self.storage.poisoned()) == sorted([*before, text])

    def secrets_in_log(self) -> set[str]:
        """What the host's log carries and must not: the kinds of secret, never the secrets."""
        users = self.tenant.users() if self.tenant.running else []
        return secrets_in(self.host.output, users, self.storage)
