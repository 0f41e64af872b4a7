"""The queue message: what goes in comes out, and nothing else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import USERS_PER_MESSAGE, MoveMessage, PageMessage
from shared.errors import InputError
from shared.storage.codec import messages
from shared.telemetry.operation import operation
from tests.fakes import guid

IDS = st.lists(st.uuids().map(str), min_size=1, max_size=70)


@given(IDS)
def test_every_user_once_in_full_messages(users: list[str]) -> None:
    """Users go out once each, in order, at most 20 in a message and no message but the last half full."""
    decoded = [MoveMessage.decode(text) for text in messages("sweep", users, "run-1")]
    assert [user for message in decoded for user in message.users] == list(dict.fromkeys(users))
    assert all(len(message.users) == USERS_PER_MESSAGE for message in decoded[:-1])


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "the whole text"),
        ("no json", "the whole text"),
        ("[]", "the whole text"),
        ('{"cause": "sweep"}', "users"),
        ('{"cause": "sweep", "users": []}', "users"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}", "x"]}}', "users.1"),
        (f'{{"cause": "no spaces!", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}"], "extra": 1}}', "extra"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}"], "operation": "x y=1"}}', "operation"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}"], "operation": "{"a" * 17}"}}', "operation"),
        (f'{{"version": 2, "cause": "sweep", "users": ["{guid(1)}"]}}', "version"),
    ],
)
def test_bad_text_names_the_field(text: str, field: str) -> None:
    """A text that is no message is refused with the name of the field, not with its value."""
    with pytest.raises(InputError, match=rf"queue message: {field}: "):
        MoveMessage.decode(text)


def test_more_than_twenty_users_are_refused() -> None:
    """A message carries what one Graph batch reads, not more."""
    users = ",".join(f'"{guid(number)}"' for number in range(21))
    with pytest.raises(InputError, match="users"):
        MoveMessage.decode(f'{{"cause": "sweep", "users": [{users}]}}')


def test_messages_without_an_operation_are_taken() -> None:
    """A message that an older version queued has no operation, and is read all the same."""
    old = f'{{"version":1,"cause":"sweep","users":["{guid(1)}"],"run":"run-1"}}'
    assert MoveMessage.decode(old).operation is None
    assert MoveMessage.decode(old).encode() == old
    assert PageMessage.decode('{"version":1,"run":"run-1","page":2}').operation is None


def test_messages_carry_the_operation_under_way() -> None:
    """What is queued inside an operation says so."""
    with operation() as here:
        (text,) = messages("sweep", [guid(1)])
    assert MoveMessage.decode(text).operation == here.id
