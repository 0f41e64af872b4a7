"""Who the users of a run are, what a run replaced, and what is shown when a table is down."""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.domain.outcome import Outcome, UserResult
from shared.domain.roster import RosterEntry
from shared.domain.saved import ReplacedProvider, replaced_by
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


def record(provider: str, saved: timedelta, begun: timedelta | None = None) -> ReplacedProvider:
    """A record of these times before (or after) noon."""
    return ReplacedProvider(
        guid(1),
        provider,
        (third_party(provider),),
        NOON + saved,
        begun_at=None if begun is None else NOON + begun,
    )


def test_a_run_replaced_what_it_began_with() -> None:
    """The record of its provider that was begun last before its result: not a later move's, not another's."""
    early = record("InterCall", -9 * HOUR)
    again = record("InterCall", -8 * HOUR, -HOUR)
    later = record("InterCall", 2 * HOUR, 2 * HOUR)
    other = record("BT", -HOUR, -HOUR)
    records = [early, again, other, later]
    assert replaced_by(MOVED, records) == again
    assert replaced_by(MOVED, [early, later]) == early, "saved before; older rows have no mark"


def test_a_run_replaced_nothing_of_those_whom_it_did_not_move() -> None:
    """Unlicensed users have saved entries, too; and who had no provider had nothing to replace."""
    records = [record("InterCall", -HOUR)]
    for outcome in set(Outcome) - {Outcome.MOVED}:
        result = UserResult(guid(1), outcome, "", old_provider="InterCall", at=NOON)
        assert replaced_by(result, records) is None
    assert replaced_by(UserResult(guid(1), Outcome.MOVED, "", at=NOON), records) is None


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
