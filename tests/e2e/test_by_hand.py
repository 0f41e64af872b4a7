"""Rule 1 for real: what a person sets by hand while the app works is saved before it is replaced."""

import random
import threading
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.system import NEVER, System
from tests.e2e.tenant import Tenant, User

pytestmark = pytest.mark.third_parties

WINDOW = 2.5
"""Seconds from the answer of a read to the set, at most: 2 s to get the turn, and the call itself."""

_USERS = 240

Entries = list[dict[str, Any]]


class Person(threading.Thread):
    """Puts users back on a third party, one after the other, until told to stop."""

    def __init__(self, tenant: Tenant, users: list[User]) -> None:
        super().__init__()
        self.stop = threading.Event()
        self.set: dict[str, list[Entries]] = defaultdict(list)
        self._tenant = tenant
        self._users = users
        self._rng = random.Random(3)

    def run(self) -> None:
        """Set some user by hand about ten times a second."""
        while not self.stop.wait(0.1):
            user = self._rng.choice(self._users)
            after = self._tenant.set_by_hand(user, self._rng.choice(["BT", "PGi"]))
            self.set[user["id"]].append(after["entries"])


@pytest.mark.large
def test_no_entry_is_lost_outside_the_window(azurite_server: Azurite, tmp_path: Path) -> None:
    """240 users at 10 calls a second, and a person all the time: each replaced entry was saved."""
    with Tenant(tmp_path, users=1_280, seed=53, rate=10) as tenant:
        users = [tenant.take("third_party") for _ in range(_USERS)]
        settings = {"ACP_RECHECK_SCHEDULE": NEVER}
        with System(azurite_server, tenant, tmp_path, settings) as system:
            person = Person(tenant, users)
            person.start()
            try:
                for at in range(0, _USERS, 20):
                    system.storage.queue_users(*(user["id"] for user in users[at : at + 20]))
                wait_until(
                    lambda: len(system.storage.outcomes()) == len(users), "all are recorded", 600
                )
            finally:
                person.stop.set()
                person.join()
            saved = system.storage.all_saved()
            lost = lost_entries(tenant.changes(), users, person.set, saved)
            assert person.set
            assert [age for age in lost if age > WINDOW] == []


def lost_entries(
    changes: list[dict[str, Any]],
    users: list[User],
    by_hand: dict[str, list[Entries]],
    saved: dict[str, list[Entries]],
) -> list[float]:
    """How old each entry was that the app replaced without having saved it, in seconds."""
    now = {user["id"]: (user["entries"], 0.0) for user in users}
    lost = []
    for change in changes:
        user, at = change["user"], datetime.fromisoformat(change["at"]).timestamp()
        if user not in now:
            continue
        if change["action"] == "set_by_hand":
            now[user] = (by_hand[user].pop(0), at)
        elif change["action"] == "replaced" and now[user][0] not in saved.get(user, []):
            lost.append(at - now[user][1])
    return lost
