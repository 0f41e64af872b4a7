"""Faults: how they are asked for, and the dice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.tenant.faults.faults import Dice, Faults, FaultsError, parse_faults, read_faults
from local.tenant.ledger import Ledger

SHARES = [
    name
    for name, field in Faults.model_fields.items()
    if field.default == 0.0 and not name.endswith("_seconds")
]


def test_every_fault_is_off_by_default() -> None:
    """A tenant without faults has none."""
    dice = Dice(Ledger(), None)
    assert not any(dice.strikes(name) for name in SHARES)
    assert len(SHARES) == 21


@pytest.mark.parametrize("name", SHARES)
def test_a_share_of_one_strikes_always(name: str) -> None:
    """And is counted by its name."""
    ledger = Ledger()
    dice = Dice(ledger, Faults.model_validate({name: 1.0}))
    assert all(dice.strikes(name) for _ in range(10))
    assert ledger.faults == {name: 10}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"throtled": 0.1}', "throtled"),
        ('{"throttled": 1.1}', "throttled"),
        ('{"timeouts": -0.1}', "timeouts"),
        ('{"errors_500": "often"}', "errors_500"),
        ('{"services": ["grph"]}', "services.0"),
        ("[]", "faults"),
        ("{", "not JSON"),
    ],
)
def test_wrong_faults_are_refused_by_name(text: str, name: str) -> None:
    """An unknown fault or a share outside 0 to 1."""
    with pytest.raises(FaultsError, match=name):
        parse_faults(text)


def test_faults_come_from_a_file(tmp_path: Path) -> None:
    """The error of a file names the file too."""
    path = tmp_path / "faults.json"
    with pytest.raises(FaultsError, match=r"faults\.json: No such file"):
        read_faults(path)
    path.write_text('{"throttled": 2}')
    with pytest.raises(FaultsError, match=r"faults\.json: throttled"):
        read_faults(path)
    path.write_text('{"throttled": 0.5, "seed": 3}')
    assert read_faults(path) == Faults(throttled=0.5, seed=3)


def thrown(dice: Dice, kind: str) -> list[bool]:
    """A hundred throws."""
    return [dice.strikes(kind) for _ in range(100)]


@given(st.integers(0, 1000), st.sampled_from(SHARES))
def test_the_same_seed_strikes_at_the_same_time(seed: int, kind: str) -> None:
    """A run can be repeated; and another kind with it changes nothing."""
    alone = Faults.model_validate({"seed": seed, kind: 0.3})
    other = "timeouts" if kind != "timeouts" else "throttled"
    both = Faults.model_validate({"seed": seed, kind: 0.3, other: 0.9})
    first = thrown(Dice(Ledger(), alone), kind)
    dice = Dice(Ledger(), both)
    thrown(dice, other)
    assert thrown(dice, kind) == first
    assert 0 < sum(first) < 100


def test_loading_again_starts_again() -> None:
    """The same faults put in twice strike as at the first time."""
    dice = Dice(Ledger(), Faults(throttled=0.5))
    first = thrown(dice, "throttled")
    dice.load(dice.faults)
    assert thrown(dice, "throttled") == first


def test_faults_of_calls_keep_to_their_services() -> None:
    """The identity endpoint suffers only when it is named."""
    dice = Dice(Ledger(), Faults(errors_503=1.0))
    assert dice.refusal("graph") == (503, {})
    assert dice.refusal("identity") is None
    dice.load(Faults(throttled=1.0, retry_after_seconds=7, services=("identity",)))
    assert dice.refusal("identity") == (429, {"Retry-After": "7"})
    assert dice.refusal("teams") is None
