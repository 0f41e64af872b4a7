"""Who pauses, why, and what is told and recorded of it."""

import re

import pytest

from shared.domain.pause import PAUSE_FRESH, Pause, RequestedBy
from shared.errors import InputError
from shared.services.admin.pauses import Pauses
from shared.services.admin.reasons import because
from shared.telemetry.log import EventLog
from tests.fakes import NOON, FakeClock, FakeState
from tests.loglines import Lines

ADELE = RequestedBy("adele", "id-1", "CHG 7")


async def test_a_pause_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """Both are stored with who asked, told with a pseudonym, and recorded with the reason."""
    lines = Lines(caplog)
    state, clock, log = FakeState(), FakeClock(), EventLog("acp.pauses")
    pauses = Pauses(state, clock, log)
    given = await pauses.pause(" too  many\n", ADELE)
    assert given == Pause("CHG 7: too many", RequestedBy("adele", "id-1"), NOON)
    assert (state.pausing, state.paused_by) == (given, (ADELE, NOON))
    assert await pauses.current() == given
    ended = clock.now()
    assert (ended - NOON).total_seconds() == PAUSE_FRESH
    assert await pauses.end(ADELE) == given
    assert (state.pausing, state.paused_by) == (None, (ADELE, ended))
    assert await pauses.end(ADELE) is None
    assert state.actions == [
        ("paused", "adele (id-1)", "all changes; CHG 7: too many", NOON),
        ("resumed", "adele (id-1)", "all changes; CHG 7", ended),
    ]
    who = log.who("adele")
    assert lines.of("paused") == [
        {"state": "paused", "requested_by": who, "reason": "CHG 7: too many"},
        {"state": "resumed", "requested_by": who, "reason": "CHG 7"},
    ]


@pytest.mark.parametrize(
    ("ticket", "note", "fault"),
    [
        ("t" * 101, "", "ticket: it has 101 characters; at most 100 are taken"),
        ("", "n" * 501, "note: it has 501 characters; at most 500 are taken"),
        ("\x1b", "", r"ticket '\\x1b': it has characters that cannot be shown"),
        ("", "\u202e", r"note '\\u202e': it has characters that cannot be shown"),
    ],
)
def test_a_reason_that_is_not_taken(ticket: str, note: str, fault: str) -> None:
    """The error names the field, and shows nothing that steers a terminal."""
    with pytest.raises(InputError, match=f"^{re.escape(fault)}$"):
        because(ADELE, ticket, note)


def test_a_reason_is_one_line() -> None:
    """As long as is permitted; what is not given is empty."""
    assert because(ADELE, " a\n b ", "n" * 500) == RequestedBy("adele", "id-1", "a b", "n" * 500)
    assert because(ADELE, "t" * 100) == RequestedBy("adele", "id-1", "t" * 100)
    assert because(ADELE) == RequestedBy("adele", "id-1")
