"""What is known of a tenant's service, as people read it, and when it is read again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.capabilities import Capabilities, Known, described
from shared.domain.listing import TenantSwitches
from tests.fakes import NOON

FOUND = Capabilities("modern", NOON)


@pytest.mark.parametrize(
    ("api", "age", "due"),
    [
        ("modern", timedelta(0), False),
        ("modern", timedelta(days=1, seconds=-1), False),
        ("modern", timedelta(days=1), True),
        ("legacy", timedelta(0), True),
    ],
)
def test_it_is_read_again_after_a_day_or_another_setting(
    api: str, age: timedelta, due: bool
) -> None:
    """What was found is believed for a day, and of other calls not at all."""
    assert FOUND.is_due(NOON + age, api) is due


def test_everything_has_a_name_and_a_value() -> None:
    """One table for doctor, console and HTTP; what is not known says so."""
    full = replace(
        FOUND,
        providers=Known.YES,
        replace=Known.NO,
        bridges=Known.YES,
        documented=Known.NO,
        set_verb="PATCH",
        switches=TenantSwitches(False, sends_mail=True, sends_meetings=False),
    )
    looked = f"{NOON:%Y-%m-%d} 12:00 UTC"
    names = (
        "Teams API",
        "looked at",
        "reports providers",
        "replaces providers",
        "lists bridges",
        "documented calls",
        "verb of a set",
        "mails users their numbers",
        "sends meetings again",
    )
    values = ("modern", looked, "yes", "no", "yes", "no", "PATCH", "yes", "no")
    assert described(None) == {"looked at": "not yet"}
    assert described(FOUND) == dict(zip(names, ("modern", looked, *["unknown"] * 7), strict=True))
    assert described(full) == dict(zip(names, values, strict=True))
