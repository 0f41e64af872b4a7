"""The queue messages' texts: what goes in comes out, and nothing else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import MoveMessage, PageMessage, Upkeep, UpkeepMessage
from shared.domain.run import Mode, Signal
from shared.errors import InputError
from shared.storage.codec import decode_move, decode_page, decode_upkeep, encode
from tests.fakes import guid

RUNS = st.none() | st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True)
OPERATIONS = st.none() | st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
MESSAGES = st.builds(
    MoveMessage,
    st.sampled_from(Signal),
    st.lists(st.uuids().map(str), min_size=1, max_size=20).map(tuple),
    RUNS,
    OPERATIONS,
    st.none() | st.sampled_from(Mode),
    st.integers(0, 9_999),
)


@given(MESSAGES)
def test_users_come_out_as_they_went_in(message: MoveMessage) -> None:
    """Every field of a message is read back from text and bytes alike, the users in their order."""
    assert decode_move(encode(message)) == message
    assert decode_move(encode(message).encode()) == message


@given(RUNS.filter(bool), st.integers(0, 999_999), st.booleans(), OPERATIONS)
def test_page_comes_out_as_it_went_in(
    run: str, page: int, again: bool, operation: str | None
) -> None:
    """Run, page, whether it came before and the operation are read back from text and bytes alike."""
    message = PageMessage(run, page, again, operation)
    assert decode_page(encode(message)) == message
    assert decode_page(encode(message).encode()) == message


@pytest.mark.parametrize("part", Upkeep)
def test_upkeep_is_one_word(part: Upkeep) -> None:
    """A part of the upkeep is read back from text and bytes alike; any other text is none."""
    assert decode_upkeep(encode(UpkeepMessage(part))) == UpkeepMessage(part)
    assert decode_upkeep(encode(UpkeepMessage(part)).encode()) == UpkeepMessage(part)
    assert decode_upkeep(b"renew") == UpkeepMessage(Upkeep.RENEW)
    for text in ("", "renew!", "{}", b"\xff"):
        with pytest.raises(InputError, match="queue message: the whole text"):
            decode_upkeep(text)


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
        (f'{{"cause": "signal", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "delete_sweep", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "move_", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "move_move_sweep", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "move_sweep_again_", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "sweep_again_1", "users": ["{guid(1)}"]}}', "cause"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}"], "extra": 1}}', "extra"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}"], "operation": "x y=1"}}', "operation"),
        (f'{{"cause": "sweep", "users": ["{guid(1)}"], "operation": "{"a" * 17}"}}', "operation"),
        (f'{{"version": 2, "cause": "sweep", "users": ["{guid(1)}"]}}', "version"),
    ],
)
def test_bad_text_names_the_field(text: str, field: str) -> None:
    """A text that is malformed is refused with the name of the field, not with its value."""
    with pytest.raises(InputError, match=rf"queue message: {field}: "):
        decode_move(text)


def test_more_than_twenty_users_are_refused() -> None:
    """A message carries what one Graph batch reads, not more."""
    users = ",".join(f'"{guid(number)}"' for number in range(21))
    with pytest.raises(InputError, match="users"):
        decode_move(f'{{"cause": "sweep", "users": [{users}]}}')


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "the whole text"),
        ('{"run": "run-1"}', "page"),
        ('{"page": 1}', "run"),
        ('{"run": "a b", "page": 1}', "run"),
        ('{"run": "run-1", "page": -1}', "page"),
        ('{"run": "run-1", "page": 1000000}', "page"),
        ('{"run": "run-1", "page": 1, "extra": 1}', "extra"),
        ('{"version": 2, "run": "run-1", "page": 1}', "version"),
    ],
)
def test_bad_text_of_a_page_names_the_field(text: str, field: str) -> None:
    """A text that is no page is refused with the name of the field, not with its value."""
    with pytest.raises(InputError, match=rf"queue message: {field}: "):
        decode_page(text)


def test_messages_without_an_operation_are_taken() -> None:
    """A message that an older version queued has no operation, and is read all the same."""
    old = f'{{"version":1,"cause":"sweep","users":["{guid(1)}"],"run":"run-1"}}'
    assert decode_move(old).operation is None
    assert encode(decode_move(old)) == old
    assert decode_page('{"version":1,"run":"run-1","page":2}').operation is None


@pytest.mark.parametrize(
    ("mode", "retries", "cause"),
    [
        (None, 0, "sweep"),
        (Mode.MOVE, 0, "move_sweep"),
        (Mode.REPORT, 12, "report_sweep_again_bc"),
        (None, 3, "sweep_again_d"),
    ],
)
def test_mode_and_retries_are_in_the_cause(mode: Mode | None, retries: int, cause: str) -> None:
    """The whole text, so that what waits in a queue can be read by other versions."""
    message = MoveMessage(Signal.SWEEP, (guid(1),), mode=mode, retries=retries)
    assert encode(message) == f'{{"version":1,"cause":"{cause}","users":["{guid(1)}"]}}'
