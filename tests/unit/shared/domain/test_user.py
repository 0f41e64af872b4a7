"""What the provider entries and plans of a user say."""

import csv
import re
from pathlib import Path

import pytest

from shared.domain.service_plans import CONFERENCING_PLANS, RESOURCE_PLANS, ROOM_PLANS
from shared.domain.user import (
    AssignedPlan,
    PlanStatus,
    ProviderEntry,
    conferencing_status,
    deciding_entry,
    holds_plan,
)
from tests.fakes import PASSCODE, microsoft, third_party

PLAN = next(iter(CONFERENCING_PLANS))
DATA = Path(__file__).parents[3] / "data"
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


def test_only_an_enabled_plan_makes_a_room() -> None:
    """A plan that was taken away, and a plan of persons, mark no room."""
    room = next(iter(ROOM_PLANS))
    assert holds_plan([AssignedPlan(room, PlanStatus.ENABLED)], ROOM_PLANS)
    assert not holds_plan([AssignedPlan(room, PlanStatus.DELETED)], ROOM_PLANS)
    assert not holds_plan([AssignedPlan(PLAN, PlanStatus.ENABLED)], ROOM_PLANS)


def published(file: str) -> list[dict[str, str]]:
    """The rows of one of the project's copies of Microsoft's list of plans."""
    with (DATA / file).open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_plans_are_those_of_microsofts_list() -> None:
    """The conferencing plans in the code are exactly those that Microsoft publishes."""
    rows = published("audio_conferencing_plans.csv")
    listed = {row["Service_Plan_Id"]: row["Service_Plan_Name"] for row in rows}
    assert listed == CONFERENCING_PLANS


def test_plans_of_no_person_are_those_of_microsofts_list() -> None:
    """U1: so are those of rooms, shared devices and resource accounts, each told what it is."""
    kinds: dict[str, dict[str, str]] = {"room": {}, "shared device": {}, "resource account": {}}
    for row in published("room_plans.csv"):
        kinds[row["kind"]][row["service_plan_id"]] = row["service_plan_name"]
    assert kinds["room"] | kinds["shared device"] == ROOM_PLANS
    assert kinds["resource account"] == RESOURCE_PLANS


def test_the_copies_have_their_dates() -> None:
    """Each copy is named with the month in which it was taken, and no row is of another."""
    dates = dict(
        re.findall(r"`(\w+\.csv)` .*\| (\d{4}-\d\d)", (DATA / "README.md").read_text("utf-8"))
    )
    assert dates.keys() == {path.name for path in DATA.glob("*.csv")}
    assert {row["as_of"] for row in published("room_plans.csv")} == {dates["room_plans.csv"]}
