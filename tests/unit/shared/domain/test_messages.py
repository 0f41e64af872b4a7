"""Queue messages: each user once, in full messages."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import USERS_PER_MESSAGE, MoveMessage, move_messages
from shared.domain.run import Mode, Signal
from tests.fakes import guid

IDS = st.lists(st.uuids().map(str), min_size=1, max_size=70)


@given(IDS)
def test_every_user_once_in_full_messages(users: list[str]) -> None:
    """Users go out once each, in order, at most 20 in a message and no message but the last half full."""
    messages = list(move_messages(Signal.SWEEP, users, mode=None, run="run-1"))
    assert [user for message in messages for user in message.users] == list(dict.fromkeys(users))
    assert all(len(message.users) == USERS_PER_MESSAGE for message in messages[:-1])
    assert all(len(message.users) <= USERS_PER_MESSAGE for message in messages)


def test_every_message_says_what_it_comes_of() -> None:
    """Signal, run, operation and mode are those of all messages; without users there is none."""
    users = [guid(number) for number in range(25)]
    operation = "0123456789abcdef"
    messages = move_messages(
        Signal.SWEEP, users, mode=Mode.REPORT, run="run-1", operation=operation
    )
    assert list(messages) == [
        MoveMessage(Signal.SWEEP, tuple(some), "run-1", operation, Mode.REPORT)
        for some in (users[:20], users[20:])
    ]
    assert list(move_messages(Signal.SWEEP, [], mode=Mode.MOVE)) == []
