"""What the app wrote before its modules moved (6a26332, recorded by running it) is still read: texts."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import Message, MoveMessage, PageMessage, Upkeep, UpkeepMessage
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.run import Mode, Signal
from shared.storage.codec import decode_move, decode_page, decode_upkeep, encode
from tests.fakes import guid

MOVES = [
    (
        '{"version":1,"cause":"license_event","users":["00000000-0000-4000-8000-000000000001",'
        '"00000000-0000-4000-8000-000000000002"]}',
        MoveMessage(Signal.LICENSE_EVENT, (guid(1), guid(2))),
    ),
    (
        '{"version":1,"cause":"sweep","users":["00000000-0000-4000-8000-000000000001"],'
        '"run":"20261123T020000Z-sweep-1f2e3d4c","operation":"0123456789abcdef"}',
        MoveMessage(
            Signal.SWEEP, (guid(1),), "20261123T020000Z-sweep-1f2e3d4c", "0123456789abcdef"
        ),
    ),
]
PAGES = [
    (
        '{"version":1,"run":"20261123T120000Z-request-1f2e3d4c","page":3,"again":false}',
        PageMessage("20261123T120000Z-request-1f2e3d4c", 3),
    ),
    (
        '{"version":1,"run":"20261123T120000Z-preview-1f2e3d4c","page":0,"again":true,'
        '"operation":"0123456789abcdef"}',
        PageMessage("20261123T120000Z-preview-1f2e3d4c", 0, True, "0123456789abcdef"),
    ),
]
CAUSES = ["license_event", "catch_up", "recheck", "sweep", "request", "preview"]
ASKED = MoveOptions(True, "+14255550100", "+18005550100")
NAMES = ("adele@contoso.com", guid(1), "jürgen o'hara@x.example", 'say "hi"@x.example')
FINGERPRINTS = [
    (
        MoveRequest(),
        "Wish(provider=None, options=MoveOptions(send_email=False, service_number=None, "
        "toll_free_number=None))",
    ),
    (
        MoveRequest(provider="InterCall"),
        "Wish(provider='InterCall', options=MoveOptions(send_email=False, service_number=None, "
        "toll_free_number=None))",
    ),
    (
        MoveRequest(provider='O\'Hara & "Sons" Ü'),
        "Wish(provider='O\\'Hara & \"Sons\" Ü', options=MoveOptions(send_email=False, "
        "service_number=None, toll_free_number=None))",
    ),
    (
        MoveRequest(provider="BT", options=ASKED),
        "Wish(provider='BT', options=MoveOptions(send_email=True, service_number='+14255550100', "
        "toll_free_number='+18005550100'))",
    ),
    (
        MoveRequest(("adele@contoso.com",)),
        "Wish(provider=None, options=MoveOptions(send_email=False, service_number=None, "
        'toll_free_number=None)) ["adele@contoso.com"]',
    ),
    (
        MoveRequest(NAMES, options=ASKED),
        "Wish(provider=None, options=MoveOptions(send_email=True, service_number='+14255550100', "
        "toll_free_number='+18005550100')) "
        '["adele@contoso.com", "00000000-0000-4000-8000-000000000001", '
        '"j\\u00fcrgen o\'hara@x.example", "say \\"hi\\"@x.example"]',
    ),
]


@pytest.mark.parametrize(("text", "message"), [*MOVES, *PAGES])
def test_queued_message_is_read_and_written_as_before(text: str, message: Message) -> None:
    """A message that waits in the queue while the app is updated is read; the next has its form."""
    decode = decode_move if isinstance(message, MoveMessage) else decode_page
    assert decode(text) == message
    assert encode(message) == text


def test_queued_renewal_is_read_and_written_as_before() -> None:
    """The word that asks for a renewal is the same."""
    assert decode_upkeep("renew") == UpkeepMessage(Upkeep.RENEW)
    assert encode(UpkeepMessage(Upkeep.RENEW)) == "renew"


def test_every_cause_of_before_is_a_signal() -> None:
    """No message, run or row of before has a cause that is not known now."""
    assert [str(Signal(cause)) for cause in CAUSES] == CAUSES
    for cause in CAUSES:
        text = f'{{"version":1,"cause":"{cause}","users":["{guid(1)}"]}}'
        assert decode_move(text).cause is Signal(cause)


@pytest.mark.parametrize(("request_", "fingerprint"), FINGERPRINTS)
def test_key_of_before_stands_for_the_same_request(request_: MoveRequest, fingerprint: str) -> None:
    """A request that is repeated after an update is known by its key, and not refused as another."""
    assert request_.fingerprint == fingerprint


def test_fingerprint_of_a_dry_run_is_that_of_the_run() -> None:
    """Whether it was a dry run is in the key, as before, not in what is requested."""
    assert MoveRequest(dry_run=True).fingerprint == MoveRequest().fingerprint


def test_a_message_of_before_says_no_mode() -> None:
    """What an older version queued only means "look" and changes nobody: nobody knows in which mode."""
    for text, _ in MOVES:
        assert (decode_move(text).mode, decode_move(text).retries) == (None, 0)


OLD_FIELDS = {
    "version": r"1",
    "cause": r"[a-z_]{1,32}",
    "run": r"[0-9A-Za-z-]{1,64}",
    "operation": r"[0-9a-f]{16}",
}
"""The fields of a message with users at 6a26332, besides the users; any other was refused."""


@given(
    st.builds(
        MoveMessage,
        st.sampled_from(Signal),
        st.lists(st.uuids().map(str), min_size=1, max_size=20).map(tuple),
        st.none() | st.from_regex(OLD_FIELDS["run"], fullmatch=True),
        st.none() | st.from_regex(OLD_FIELDS["operation"], fullmatch=True),
        st.none() | st.sampled_from(Mode),
        st.integers(0, 9_999),
    )
)
def test_what_is_queued_now_is_read_after_a_rollback(message: MoveMessage) -> None:
    """Whatever a message carries, the decoder of before takes each of its fields, and knows them all."""
    text = json.loads(encode(message))
    assert tuple(text.pop("users")) == message.users
    assert text.keys() <= OLD_FIELDS.keys()
    for name, value in text.items():
        assert re.fullmatch(OLD_FIELDS[name], str(value)), name
