"""What a service names: nothing raises, everything has a limit."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.clients.values import LONGEST_PAUSE, elements, moment, number, pause, read_json

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.none() | st.text() | st.integers() | st.floats() | st.binary() | st.lists(st.integers()))
def test_numbers_stay_within_their_limits(value: object) -> None:
    """Whatever is given: none, or a number from 0 to the ceiling."""
    found = number(value, 60.0)
    assert found is None or 0.0 <= found <= 60.0


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("999999999", LONGEST_PAUSE),
        ("1e300", LONGEST_PAUSE),
        ("9" * 4_301, LONGEST_PAUSE),
        (10**4_000, LONGEST_PAUSE),
        ("-" + "9" * 4_301, None),
        (True, None),
        ("nan", None),
        ("7.5", 7.5),
    ],
)
def test_numbers(value: object, found: float | None) -> None:
    """What is too large is the ceiling, what is no number is none."""
    assert number(value, LONGEST_PAUSE) == found


@given(st.text() | st.datetimes().map(str) | st.integers())
def test_moments_stay_within_their_limits(value: object) -> None:
    """Whatever is given: none, or a time within a day of now."""
    found = moment(value, NOON, DAY)
    assert found is None or abs(found - NOON) <= DAY


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-23T13:00:00Z", NOON + timedelta(hours=1)),
        ("2026-11-23T13:00:00", NOON + timedelta(hours=1)),
        ("9999-12-31T23:59:59.9999999Z", NOON + DAY),
        ("0001-01-01T00:00:00+14:00", NOON - DAY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", NOON + DAY),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("tomorrow", None),
        ("2" * 500, None),
    ],
)
def test_moments(text: str, found: datetime | None) -> None:
    """Both forms of a date are read, and held to the limit."""
    assert moment(text, NOON, DAY) == found


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_pause_is_at_most_a_day(value: str) -> None:
    """`Retry-After` of any text: none, or at most a day."""
    found = pause({"Retry-After": value}, NOON)
    assert found is None or 0 <= found <= LONGEST_PAUSE


@given(st.binary() | JSON.map(lambda each: json.dumps(each).encode()))
def test_json_is_read_or_refused(body: bytes) -> None:
    """Any bytes: what Python reads as JSON is the same here, all else is a ValueError."""
    try:
        expected = json.loads(body)
    except ValueError:
        expected = ValueError
    try:
        found = read_json(body)
    except ValueError:
        found = ValueError
    assert found == expected or expected is ValueError


@given(st.lists(JSON, min_size=1, max_size=4), st.integers(0, 4), st.integers(101, 2_000))
def test_only_what_is_too_deep_is_cut_out(items: list[object], at: int, depth: int) -> None:
    """One element nested beyond reading leaves the others as they are."""
    deep = "[" * depth + '"]["' + "]" * depth
    texts = [json.dumps(each) for each in items]
    texts.insert(at, deep)
    found = read_json(f"[{','.join(texts)}]".encode())
    place = min(at, len(items))
    assert found[:place] + found[place + 1 :] == items
    nested = json.dumps(found[place])
    assert len(nested) < 420
    assert nested == deep or "null" in nested


def test_odd_elements_are_named() -> None:
    """An element that cannot be read is a fault with its id, if it has one; the others are read."""
    read = TypeAdapter(dict[str, int]).validate_python
    found, faults = elements([{"a": 1}, None, {"id": "x", "a": "b"}, {"a": 2}], read)
    assert found == [{"a": 1}, {"a": 2}]
    assert faults == [
        ("", "Input should be a valid dictionary"),
        ("x", "field id: Input should be a valid integer, unable to parse string as an integer"),
    ]
