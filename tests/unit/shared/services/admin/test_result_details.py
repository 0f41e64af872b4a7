"""Who the users of a run are, and what is shown when a table is down."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import RosterEntry
from shared.domain.saved import ReplacedProvider
from shared.domain.user import ServiceUser
from shared.errors import ServiceError, StorageError, UnreachableError
from shared.services.admin.number_changes import NumberChange, NumberChanges
from shared.services.admin.result_details import ResultDetail, ResultDetails
from tests.fakes import (
    NOON,
    FakeReplaced,
    FakeRoster,
    FakeTeams,
    guid,
    in_service,
    microsoft,
    third_party,
)

MOVED = UserResult(guid(1), Outcome.MOVED, "", "a@x.example", "InterCall", at=NOON)
SEEN = RosterEntry(guid(1), None, "", NOON, name="Zoë", department="Sales", country="DE")
HOUR = timedelta(hours=1)
AWAY = UnreachableError("Teams", "GET user", "ReadTimeout")


class DownRoster(FakeRoster):
    """A roster whose table refuses to be read."""

    async def of(self, user_id: str) -> RosterEntry | None:
        """Refuse."""
        raise StorageError("get in table roster", user_id)


class DownReplaced(FakeReplaced):
    """Saved entries whose table refuses to be read."""

    async def of(self, user_id: str) -> list[ReplacedProvider]:
        """Refuse."""
        raise StorageError("query in table replacedproviders", user_id)


async def test_results_get_names_and_numbers() -> None:
    """In the order of the results, more than are looked up at once; unknown names are not looked up."""
    teams, saved, roster = FakeTeams(), FakeReplaced(), FakeRoster()
    teams.add(in_service(1, microsoft()))
    await saved.save_entries(in_service(1, third_party()), NOON - HOUR)
    roster.entries[guid(1)] = SEEN
    others = [UserResult(guid(at), Outcome.EXCLUDED, "a guest") for at in range(2, 40)]
    unknown = UserResult("nobody#1@x.example", Outcome.NOT_FOUND, "")

    async def results() -> AsyncIterator[UserResult]:
        for result in (MOVED, *others, unknown):
            yield result

    details = ResultDetails(NumberChanges(teams, saved), roster)
    assert [detail async for detail in details.of(results())] == [
        ResultDetail(NumberChange(MOVED, third_party(), microsoft()), SEEN),
        *(ResultDetail(NumberChange(result)) for result in (*others, unknown)),
    ]


async def test_results_are_shown_also_when_a_table_is_down() -> None:
    """They are marked as incomplete: after a move, what was done must not be lost."""
    roster = FakeRoster({guid(1): SEEN})
    teams, away = FakeTeams(), FakeTeams(errors={guid(1): AWAY})
    for details, expected in (
        (ResultDetails(NumberChanges(teams, FakeReplaced()), DownRoster()), None),
        (ResultDetails(NumberChanges(teams, DownReplaced()), roster), SEEN),
    ):
        assert [detail async for detail in details.of([MOVED])] == [
            ResultDetail(NumberChange(MOVED), expected, complete=False)
        ]
    details = ResultDetails(NumberChanges(away, FakeReplaced()), roster)
    change = NumberChange(MOVED, complete=False)
    assert [detail async for detail in details.of([MOVED])] == [
        ResultDetail(change, SEEN, complete=False)
    ]


@pytest.mark.parametrize(
    ("now", "error", "change"),
    [
        (in_service(1, microsoft()), None, NumberChange(MOVED, third_party(), microsoft())),
        (in_service(1, third_party("BT")), None, NumberChange(MOVED, third_party())),
        (in_service(1), None, NumberChange(MOVED, third_party())),
        (None, None, NumberChange(MOVED, third_party())),
        (None, AWAY, NumberChange(MOVED, third_party(), complete=False)),
    ],
)
async def test_which_numbers_a_move_changed(
    now: ServiceUser | None, error: ServiceError | None, change: NumberChange
) -> None:
    """What was saved, and what Microsoft gives now; another's number, or none, is not the move's."""
    teams, saved = FakeTeams(), FakeReplaced()
    teams.known = {guid(1): now} if now else {}
    teams.errors = {guid(1): error} if error else {}
    assert [each async for each in NumberChanges(teams, saved).of([MOVED])] == [
        replace(change, before=None)
    ]
    await saved.save_entries(in_service(1, third_party()), NOON - HOUR)
    assert [each async for each in NumberChanges(teams, saved).of([MOVED])] == [change]
