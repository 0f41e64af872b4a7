"""Who the users of a run are, and what is shown when a table is down."""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import RosterEntry
from shared.errors import StorageError
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
HOUR = timedelta(hours=1)


class DownRoster(FakeRoster):
    """A roster whose table refuses to be read."""

    async def of(self, user_id: str) -> RosterEntry | None:
        """Refuse."""
        raise StorageError("get in table roster", user_id)


async def test_results_get_names_and_numbers() -> None:
    """In the order of the results, more than are looked up at once; unknown names are not looked up."""
    teams, saved, roster = FakeTeams(), FakeReplaced(), FakeRoster()
    teams.add(in_service(1, microsoft()))
    await saved.save_entries(in_service(1, third_party()), NOON - HOUR)
    seen = RosterEntry(guid(1), None, "", NOON, name="Zoë", department="Sales", country="DE")
    roster.entries[guid(1)] = seen
    others = [UserResult(guid(at), Outcome.EXCLUDED, "a guest") for at in range(2, 40)]
    unknown = UserResult("nobody#1@x.example", Outcome.NOT_FOUND, "")

    async def results() -> AsyncIterator[UserResult]:
        for result in (MOVED, *others, unknown):
            yield result

    details = ResultDetails(NumberChanges(teams, saved), roster)
    assert [detail async for detail in details.of(results())] == [
        ResultDetail(NumberChange(MOVED, third_party(), microsoft()), seen),
        *(ResultDetail(NumberChange(result)) for result in (*others, unknown)),
    ]


async def test_results_are_shown_also_when_a_table_is_down() -> None:
    """They are marked as incomplete: after a move, what was done must not be lost."""
    details = ResultDetails(NumberChanges(FakeTeams(), FakeReplaced()), DownRoster())
    assert [detail async for detail in details.of([MOVED])] == [
        ResultDetail(NumberChange(MOVED), complete=False)
    ]
