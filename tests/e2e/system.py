"""The whole system on this machine, every part of it real: tenant, host with the app, Azurite.

In through a trigger, out through the tenant's state: a test starts a `System`, does what an
administrator or Graph does, waits for what must follow, and looks at the tenant.
"""

import json
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from local.azurite.server import KEY, Azurite
from local.waiting import wait_until
from tests.e2e.host import ROOT, Host
from tests.e2e.storage import AppStorage
from tests.e2e.tenant import PATIENCE, Tenant, User

NEVER = "0 0 0 29 2 *"
"""A schedule that leaves it to the test when a timer runs."""

EVERY_SECOND = "*/1 * * * * *"

HandWritten = dict[str, Any]


class System:
    """One app with its own queue and tables, working on one tenant. Context manager.

    settings: app settings that differ from those of `_settings`. connection: the connection
    string the app gets, if not Azurite's own.
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
        self.tenant_id = str(tenant.summary()["tenantId"])
        name = f"e{uuid.uuid4().hex[:12]}"
        self._folder = folder / name
        self._stack = ExitStack()
        self.storage = AppStorage(azurite.connection_string, name)
        storage = {"AzureWebJobsStorage": connection or azurite.connection_string}
        self.settings = {**self._settings(name), **storage, **(settings or {})}
        self.host = Host(self._folder, app_folder(folder), self.settings)

    def _settings(self, name: str) -> dict[str, str]:
        return {
            "ACP_TENANT_ID": self.tenant_id,
            "ACP_GRAPH_URL": self.tenant.origin,
            "ACP_TEAMS_URL": self.tenant.origin,
            "IDENTITY_ENDPOINT": f"{self.tenant.origin}/msi/token",
            "IDENTITY_HEADER": "local",
            "ACP_QUEUE": name,
            "ACP_TABLE_PREFIX": name,
            "ACP_RECHECK_DELAYS": "1,1,2",
            "ACP_RECHECK_SCHEDULE": EVERY_SECOND,
            "ACP_SWEEP_SCHEDULE": NEVER,
            "ACP_SUBSCRIPTION_SCHEDULE": NEVER,
            "ACP_CATCH_UP_SCHEDULE": NEVER,
        }

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
        wait_until(
            lambda: (row := self.storage.row("state", "subscription")) and row["subscription_id"],
            "the app has a subscription",
            PATIENCE,
        )

    def notification(self, user: User, **other: object) -> HandWritten:
        """A change notification about `user` that the app must believe; `other` spoils it."""
        known = self.storage.subscription()
        return {
            "id": str(uuid.uuid4()),
            "subscriptionId": known["subscription_id"],
            "clientState": known["client_state"],
            "tenantId": self.tenant_id,
            "changeType": "updated",
            "resource": f"Users/{user['id']}",
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.User",
                "@odata.id": f"Users/{user['id']}",
                "id": user["id"],
                "organizationId": self.tenant_id,
            },
            **other,
        }

    def event(self, user: User, **other: object) -> HandWritten:
        """The same as a CloudEvent 1.0."""
        return {
            "id": str(uuid.uuid4()),
            "type": "Microsoft.Graph.UserUpdated",
            "source": f"/tenants/{self.tenant_id}/applications/{uuid.uuid4()}",
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
            PATIENCE,
        )
        return self.tenant.user(user["id"])

    def wait_until_idle(self) -> None:
        """Wait until nothing is on its way: no notification, no message, none being worked on."""
        self.tenant.wait_until_delivered()
        wait_until(lambda: not self.storage.queued(), "the queue is empty", PATIENCE)

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
        before = self.host.looks()
        yield
        # A message that were sent would be on the queue, or taken off it and counted.
        assert self.storage.queued() == 0
        assert self.host.looks() == before

    @contextmanager
    def poisoning(self, text: str) -> Iterator[None]:
        """What happens inside must put just this text onto the poison queue, and no other."""
        before = self.storage.poisoned()
        yield
        wait_until(lambda: len(self.storage.poisoned()) > len(before), "a poison message", PATIENCE)
        self.wait_until_idle()
        assert sorted(self.storage.poisoned()) == sorted([*before, text])

    def secrets_in_log(self) -> list[str]:
        """What the host's log carries and must not: the kinds of secret, never the secrets."""
        log = self.host.log
        found = [word for word in ("eyJ", "Bearer ", KEY) if word in log]
        found += ["a clientState" for secret in self.storage.client_states() if secret in log]
        numbers = set(re.findall(r"(?<![\w-])\d{6,}(?![\w-])", log))
        if self.tenant.child.running and numbers & self.passcodes():
            found.append("a passcode")
        return found

    def passcodes(self) -> set[str]:
        """Every passcode and conference ID that some user has or had."""
        users = self.tenant.users()
        entries = [e for user in users for e in (*user["original_entries"], *user["entries"])]
        entries += [e for row in self.storage.all_saved().values() for rec in row for e in rec]
        codes = {str(entry["participantPassCode"]) for entry in entries}
        codes |= {str(user["conference_id"]) for user in users if user["conference_id"]}
        return {code for code in codes if len(code) >= 6}


def app_folder(folder: Path) -> Path:
    """A folder with the app's two files: a developer's local.settings.json has no say there.

    The host polls sooner, and gives a failed message another try sooner, than host.json says.
    """
    app = folder / "app"
    if not app.is_dir():
        app.mkdir(parents=True)
        shutil.copy(ROOT / "function_app.py", app)
        host = json.loads((ROOT / "host.json").read_text())
        patience = {"maxPollingInterval": "00:00:00.200", "visibilityTimeout": "00:00:01"}
        host["extensions"]["queues"] |= patience
        (app / "host.json").write_text(json.dumps(host))
    return app
