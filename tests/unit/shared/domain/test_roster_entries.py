"""The whole entry that a listing, or an attempt, leads to."""

from dataclasses import replace

import pytest

from shared.domain.decision import Action, Decision
from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import RosterEntry, Standing, from_listing, from_result
from tests.fakes import NOON, guid, in_service, licensed, third_party


@pytest.mark.parametrize("location", ["DE", None])
def test_everything_that_is_known_is_kept(location: str | None) -> None:
    """Id, names, provider, country and the time; a country that is not known is empty."""
    why = "the provider is BT"
    service = replace(in_service(1, third_party("BT")), name="Ada", usage_location=location)
    upn, country = service.upn, location or ""
    entry = RosterEntry(guid(1), Standing.READY, why, NOON, upn, "BT", name="Ada", country=country)
    assert from_listing(service, Decision(Action.REPLACE, why), NOON) == entry
    result = UserResult(guid(1), Outcome.WOULD_MOVE, why, upn, provider="BT")
    person = replace(licensed(1), name="Ada", usage_location=location)
    assert from_result(result, person, NOON, attention=False) == entry
