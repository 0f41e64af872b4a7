"""The app's queue and tables as they stand in Azurite, read without the app's own code."""

import base64
import json
from contextlib import ExitStack, suppress
from typing import Any, Self

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from local.azurite.sas import sas_address

Row = dict[str, Any]


class AppStorage:
    """One app's storage: `name` is its queue and the prefix of its tables. Context manager."""

    def __init__(self, connection: str, name: str) -> None:
        self.name = name
        self._stack = ExitStack()
        self._tables = self._stack.enter_context(
            TableServiceClient.from_connection_string(connection)
        )
        self._queue, self._poison, self._events, self._poison_events = (
            self._stack.enter_context(QueueClient.from_connection_string(connection, queue))
            for queue in (name, f"{name}-poison", f"{name}-events", f"{name}-events-poison")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # -- tables

    def rows(self, table: str) -> list[Row]:
        """Every row of a table; none when the app has not made the table yet."""
        client = self._tables.get_table_client(self.name + table)
        try:
            return [dict(row) for row in client.list_entities()]
        except ResourceNotFoundError:
            return []

    def row(self, table: str, key: str) -> Row | None:
        """The row with the key, in whatever partition."""
        return next((row for row in self.rows(table) if row["RowKey"] == key), None)

    def outcome(self, user_id: str) -> str | None:
        """What the app last found of a user."""
        client = self._tables.get_table_client(f"{self.name}users")
        try:
            return str(client.get_entity(user_id[0], user_id)["outcome"])
        except ResourceNotFoundError:
            return None

    def outcomes(self) -> dict[str, str]:
        """What the app last found of every user that it has processed."""
        return {row["RowKey"]: row["outcome"] for row in self.rows("users")}

    def put(self, table: str, row: Row) -> None:
        """Write a row of a table past the app, as another version of it would."""
        self._tables.create_table_if_not_exists(self.name + table).upsert_entity(row)

    def saved(self, user_id: str) -> list[list[dict[str, Any]]]:
        """The saved records of a user, each the list of its provider entries as Teams words them."""
        return self.all_saved().get(user_id, [])

    def all_saved(self) -> dict[str, list[list[dict[str, Any]]]]:
        """The saved records by user; one without entries only holds a claim."""
        found: dict[str, list[list[dict[str, Any]]]] = {}
        for row in self.rows("replacedproviders"):
            if entries := _entries(row):
                found.setdefault(row["PartitionKey"], []).append(entries)
        return found

    def subscription(self) -> Row:
        """The change subscription that the app keeps: `subscription_id`, `client_state`."""
        row = self.row("state", "subscription")
        assert row, "the app has no subscription"
        return {**row, "client_state": self.client_states()[0]}

    def subscription_id(self) -> str:
        """The id of that subscription, empty when there is none."""
        row = self.row("state", "subscription")
        return str(row["subscription_id"] or "") if row else ""

    def client_states(self) -> list[str]:
        """Every secret that notifications may carry, the newest first; none so far: no secret."""
        row = self.row("state", "subscription")
        return [secret["client_state"] for secret in json.loads(row["secrets"])] if row else []

    # -- queue

    def send(self, content: object) -> None:
        """Put a text, or an object as JSON, onto the queue as the queue trigger expects it."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.send_raw(base64.b64encode(text.encode()).decode())

    def queue_users(self, *user_ids: str) -> None:
        """Queue users, as the triggers do."""
        self.send({"version": 1, "cause": "move_license_event", "users": user_ids})

    def send_raw(self, text: str) -> None:
        """Put a text onto the queue as it is."""
        self._queue.send_message(text)

    def poison(self, *user_ids: str) -> None:
        """Put a message onto the poison queue about users who came once more already, and failed again."""
        with suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(
            json.dumps({"version": 1, "cause": "move_license_event_again_b", "users": user_ids})
        )

    def events_address(self) -> str:
        """Where Event Grid puts its events: the queue's address with a token that permits only that."""
        return sas_address(self._events)

    def send_event(self, content: object) -> None:
        """Put an object onto the queue of events as Event Grid does: JSON, base64."""
        self._events.send_message(base64.b64encode(json.dumps(content).encode()).decode())

    def queued_events(self) -> int:
        """Events on their queue, those being worked on included."""
        return self._events.get_queue_properties().approximate_message_count or 0

    def poison_events(self) -> list[str]:
        """The texts on the poison queue of events, as they are."""
        try:
            return [each.content for each in self._poison_events.peek_messages(max_messages=32)]
        except ResourceNotFoundError:
            return []

    def queued(self) -> int:
        """Messages on the queue, those being worked on included."""
        return self._queue.get_queue_properties().approximate_message_count or 0

    def poisoned(self) -> list[str]:
        """The texts on the poison queue, as they are."""
        try:
            return [message.content for message in self._poison.peek_messages(max_messages=32)]
        except ResourceNotFoundError:
            return []


def _entries(row: Row) -> list[dict[str, Any]]:
    names = {
        "toll_number": "tollNumber",
        "toll_free_number": "tollFreeNumber",
        "passcode": "participantPassCode",
    }
    return [
        {names.get(name, name): value or None for name, value in entry.items()}
        | {"default": entry["default"]}
        for entry in json.loads(row["entries"])
    ]
