"""What no log may carry: tokens, the storage key, client states, passcodes."""

import re
from collections.abc import Sequence

from local.azurite.server import KEY
from tests.e2e.storage import AppStorage
from tests.e2e.tenant import User

NUMBER = re.compile(r"(?<![\w-])\d{6,}(?![\w-])")
"""A number by itself: parts of ids and of fractions look like anything."""


def secrets_in(log: str, users: Sequence[User], storage: AppStorage) -> set[str]:
    """The kinds of secret that a log carries; never the secrets themselves."""
    found = {word for word in ("eyJ", "Bearer ") if word in log}
    found |= {"the storage key"} if KEY in log else set()
    found |= {"a clientState" for secret in storage.client_states() if secret in log}
    return found | ({"a passcode"} if set(NUMBER.findall(log)) & codes(users, storage) else set())


def codes(users: Sequence[User], storage: AppStorage) -> set[str]:
    """Every passcode and conference ID that one of these users, or a saved record, has or had."""
    entries = [e for user in users for e in (*user["original_entries"], *user["entries"])]
    entries += [e for records in storage.all_saved().values() for record in records for e in record]
    found = {str(entry["participantPassCode"]) for entry in entries}
    return found | {str(user["conference_id"]) for user in users}
