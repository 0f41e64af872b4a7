"""What the provider entries and plans of a user say."""

import csv
from pathlib import Path

import pytest

from shared.domain.service_plans import CONFERENCING_PLANS, ROOM_PLANS
from shared.domain.user import (
    AssignedPlan,
    PlanStatus,
    ProviderEntry,
    conferencing_status,
    deciding_entry,
    holds_room_plan,
)
from tests.fakes import PASSCODE, microsoft, third_party

PLAN = next(iter(CONFERENCING_PLANS))
OTHER_PLAN = list(CONFERENCING_PLANS)[1]


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        ((), None),
        ((microsoft(),), "Microsoft"),
        ((third_party("BT"), microsoft(default=False)), "BT"),
        ((third_party("BT", default=False), microsoft()), "Microsoft"),
        ((microsoft(default=False), third_party("PGi", default=False)), "PGi"),
        ((microsoft(), third_party("PGi")), "PGi"),
        ((third_party("BT", default=False),), "BT"),
    ],
)
def test_deciding_entry(entries: tuple[ProviderEntry, ...], name: str | None) -> None:
    """The default entry decides; where the flags are unclear a third party wins, so that it is saved."""
    entry = deciding_entry(entries)
    assert (entry.name if entry else None) == name


def test_passcode_is_not_in_the_text_of_an_entry() -> None:
    """An entry that ends up in a log line or an error does not give the passcode away."""
    assert PASSCODE not in repr(third_party())
    assert PASSCODE not in str(third_party())


@pytest.mark.parametrize(
    ("plans", "status"),
    [
        ([], None),
        ([AssignedPlan("00000000-0000-0000-0000-000000000000", PlanStatus.ENABLED)], None),
        ([AssignedPlan(PLAN, PlanStatus.SUSPENDED)], PlanStatus.SUSPENDED),
        (
            [AssignedPlan(PLAN, PlanStatus.DELETED), AssignedPlan(OTHER_PLAN, PlanStatus.ENABLED)],
            PlanStatus.ENABLED,
        ),
    ],
)
def test_conferencing_status(plans: list[AssignedPlan], status: PlanStatus | None) -> None:
    """One enabled conferencing plan is enough; other plans do not count."""
    assert conferencing_status(plans) is status


def test_room_plan() -> None:
    """Only an enabled Teams Rooms plan makes an account a room."""
    room = next(iter(ROOM_PLANS))
    assert holds_room_plan([AssignedPlan(room, PlanStatus.ENABLED)])
    assert not holds_room_plan([AssignedPlan(room, PlanStatus.DELETED)])
    assert not holds_room_plan([AssignedPlan(PLAN, PlanStatus.ENABLED)])


def test_plans_are_those_of_microsofts_list() -> None:
    """The plans in the code are exactly those of the reference list, where it is at hand."""
    reference = Path(__file__).parents[5] / "shared" / "data" / "audio_conferencing_plans.csv"
    if not reference.exists():
        pytest.skip("the list of plans is kept outside the repository and not at hand here")
    with reference.open(encoding="utf-8", newline="") as file:
        listed = {row["Service_Plan_Id"]: row["Service_Plan_Name"] for row in csv.DictReader(file)}
    assert listed == CONFERENCING_PLANS
