"""Log lines: what queries read back is what was written, and nobody's name is in them."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.events import Poison, Unexpected
from shared.telemetry.log import EventLog, line
from shared.telemetry.operation import current_id, operation, throttled, traced
from shared.text import harmless
from tests.fakes import guid
from tests.loglines import Lines, parsed


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=500))
def test_a_value_comes_back_as_it_was(value: str) -> None:
    """Whatever a reason holds - quotes, `=`, backslashes - parse-kv reads it back, and no other field."""
    read = parsed(line(Poison(reason=value, message="m1")))
    shown = harmless(value)
    cut = shown if len(shown) <= 500 else f"{shown[:499]}…"
    assert read == ("poison", {"reason": cut, "message": "m1"})


def test_a_reason_cannot_forge_a_field_or_a_line() -> None:
    """A text from outside that looks like fields or lines stays one value of one line."""
    text = line(Poison(reason='x" users=9\ndecided user="y', message="m1"))
    assert "\n" not in text
    assert parsed(text)[1] == {"reason": 'x" users=9\\ndecided user="y', "message": "m1"}


def test_long_values_are_cut() -> None:
    """A value has 500 characters at most, so that no line grows without limit."""
    reason = parsed(line(Poison(reason="x" * 10_000, message="m1")))[1]["reason"]
    assert len(reason) == 500


def test_users_appear_under_a_pseudonym_unless_permitted() -> None:
    """The pseudonym is the same in every line of a tenant, and tells nothing without the tenant's id."""
    log = EventLog("acp.test", salt="tenant-1")
    assert log.who(guid(1)) == log.who(guid(1).upper()) != log.who(guid(2))
    assert log.who(guid(1)) != EventLog("acp.test", salt="tenant-2").who(guid(1))
    assert EventLog("acp.test", show_users=True).who(guid(1)) == guid(1)


def test_an_error_brings_its_traceback_and_its_level(caplog: pytest.LogCaptureFixture) -> None:
    """A defect is logged as an error with the traceback; the line before it is as any other."""
    log = EventLog("acp.test")
    log.write(Unexpected(user=log.who(guid(1)), error="ZeroDivisionError"), ZeroDivisionError())
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert Lines(caplog).one("unexpected")["error"] == "ZeroDivisionError"


def test_an_unknown_field_is_refused() -> None:
    """What the catalogue does not know cannot be written, also where the types are not checked."""
    with pytest.raises(TypeError, match="poison has the fields reason, message"):
        Poison(reason="x", massage="m1")  # type: ignore[call-arg]


def test_work_inside_an_operation_is_part_of_it() -> None:
    """One id holds for all that is done inside; outside of every operation there is none."""
    with operation() as outer:
        with operation() as inner:
            assert inner.id == outer.id == current_id()
        with operation("0123456789abcdef"):
            assert current_id() == "0123456789abcdef"
        assert current_id() == outer.id
    assert (current_id(), throttled()) == (None, 0)


async def test_each_call_of_traced_work_is_an_operation_of_its_own() -> None:
    """Two signals have two ids."""

    @traced
    async def work() -> str | None:
        return current_id()

    assert await work() != await work()
