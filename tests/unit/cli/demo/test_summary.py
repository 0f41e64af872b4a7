"""How the demo counts and judges."""

import pytest

from cli.demo.summary import (
    Evidence,
    TenantUser,
    app_calls,
    by_provider,
    in_attention,
    not_on_microsoft,
    not_saved,
    outcome_of,
    summarize,
    wrongly_changed,
)
from local.worlds import World
from shared.domain.outcome import Outcome
from shared.domain.retry import WaitReason
from shared.domain.user import MICROSOFT
from tests.unit.cli.demo.people import change, entry, evidence, moved, person, waits

ALICE = person(1, "PGi")
OUTCOMES = ("moved", "already_microsoft", "unlicensed", "excluded", "waiting", "failed")


def put_right() -> Evidence:
    """A small tenant after a demo in which everything went well."""
    before = [
        ALICE,
        person(2),
        person(3, MICROSOFT),
        person(4, "BT", licensed=False, plan_status="Suspended"),
        person(5, "InterCall", included=False),
    ]
    after = [moved(ALICE), moved(before[1]), *before[2:]]
    return evidence(
        after,
        before,
        changes=[change(ALICE, "replaced", "PGi"), change(after[1], "enabled_automatically", None)],
        counters={
            "calls": {
                "graph": {
                    "assign_license": {"200": 9},
                    "batch": {"200": 2},
                    "get_user": {"200": 3},
                },
                "teams": {"get_user": {"200": 4, "404": 1}},
            },
            "notifications": {"delivered": 7},
        },
        moved={ALICE.id},
        saved={ALICE.id: [ALICE.original_entries]},
    )


def test_a_user_is_read_as_the_tenant_shows_it() -> None:
    """The fields of `/_tenant/state` become a user, with the entries as a domain type."""
    raw = {
        "id": ALICE.id,
        "displayName": ALICE.name,
        "userPrincipalName": ALICE.upn,
        "licensed": True,
        "included": True,
        "planStatus": "Enabled",
        "deleted": False,
        "provider": "PGi",
        "original_entries": [
            {
                "name": "PGi",
                "domain": "PGi.example",
                "tollNumber": "12035550100",
                "tollFreeNumber": None,
                "participantPassCode": "7654321",
                "url": "https://PGi.example",
                "default": True,
            }
        ],
    }
    user = TenantUser.read(raw)
    assert user.original_entries == (entry("PGi", free=""),)
    assert (user.third_party, user.on_microsoft, user.candidate) == (True, False, True)


def test_the_tenant_before_is_the_tenant_as_it_was_born() -> None:
    """However long the first look took: those who were just licensed had no provider then."""
    entries = (entry("BT", default=False), entry("PGi"))
    assert person(1, MICROSOFT, original_entries=entries).born().provider == "PGi"
    assert person(1, MICROSOFT, original_entries=(entry("BT", default=False),)).born().third_party
    assert person(1, MICROSOFT, original_entries=()).born().provider is None


def test_the_summary_of_a_demo_that_went_well() -> None:
    """Every figure, once."""
    assert summarize(put_right()) == {
        "world": "2018",
        "users": 5,
        "licensed": 4,
        "ready_before": 2,
        "moved": 1,
        "already_microsoft": 2,
        "unlicensed": 1,
        "excluded": 1,
        "waiting": 0,
        "failed": 0,
        "attention": 0,
        "third_party_before": 3,
        "third_party_after_licensed": 0,
        "replaced_saved": 1,
        "notifications": 7,
        "graph_calls": 2,
        "teams_calls": 5,
        "graph_permissions": [],
        "seconds": 12.346,
    }


@pytest.mark.parametrize(("world", "faults"), [(World.DOCUMENTED, 0), (World.TODAY, 1)])
def test_where_the_app_sets_nothing_attention_is_an_end(world: World, faults: int) -> None:
    """In documented mode a user may end under *needs attention*; whoever only waits is a fault."""
    left, waiting = person(1), person(2)
    rows = {left.id: waits(left, due=False), waiting.id: waits(waiting)}
    seen = evidence([left, waiting], waiting=rows, world=world)
    assert in_attention(seen) == {left.id}
    assert len(not_on_microsoft(seen)) == 1 + faults


def test_a_demo_that_went_well_has_no_faults() -> None:
    """Nobody is left, unsaved or wrongly changed."""
    seen = put_right()
    assert not_on_microsoft(seen) + not_saved(seen) + wrongly_changed(seen) == []


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (person(1, MICROSOFT, licensed=False), Outcome.UNLICENSED),
        (person(1, "BT", licensed=False, included=False), Outcome.UNLICENSED),
        (person(1, "BT", included=False), Outcome.EXCLUDED),
        (person(1, MICROSOFT), Outcome.ALREADY_MICROSOFT),
        (person(2, MICROSOFT), Outcome.MOVED),
        (person(3, "BT"), Outcome.WAITING),
        (person(4, "BT"), Outcome.FAILED),
        (person(5, "BT"), Outcome.FAILED),
        (person(6, "BT"), Outcome.FAILED),
        (person(7), Outcome.WAITING),
    ],
)
def test_each_user_has_one_outcome(user: TenantUser, expected: Outcome) -> None:
    """By license, account, provider, and the waiting list; attention and silence are failures."""
    rows = [
        waits(person(3)),
        waits(person(4), WaitReason.FAILURE),
        waits(person(5), due=False),
        waits(person(7), WaitReason.SECOND_LOOK),
    ]
    seen = evidence([user], moved={person(2).id}, waiting={row.user_id: row for row in rows})
    assert outcome_of(user, seen) is expected
    summary = summarize(seen)
    assert [name for name in OUTCOMES if summary[name]] == [str(expected)]


def test_who_is_not_on_microsoft_is_named_with_the_reason() -> None:
    """The waiting list's reason, or that there is none."""
    left = [person(1, "BT"), person(2)]
    seen = evidence(left, waiting={left[0].id: waits(left[0])})
    assert not_on_microsoft(seen) == [
        "person1@contoso.example: on BT; Teams is slow",
        "person2@contoso.example: on none; the app has no note of why",
    ]
    assert summarize(seen)["third_party_after_licensed"] == 1


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {ALICE.id: []},
        {ALICE.id: [(entry("PGi", free=""),)]},
        {ALICE.id: [(*ALICE.original_entries, entry("BT", default=False))]},
        {person(2).id: [ALICE.original_entries]},
    ],
)
@pytest.mark.parametrize("action", ["replaced", "replaced_automatically"])
def test_a_record_counts_only_when_it_is_complete(
    saved: dict[str, list[tuple[object, ...]]], action: str
) -> None:
    """Nothing saved, a lost number, another entry, another user's record: each is a fault."""
    seen = evidence([moved(ALICE)], changes=[change(ALICE, action, "PGi")], saved=saved)
    assert [line.split(":")[0] for line in not_saved(seen)] == [ALICE.upn]
    assert summarize(seen)["replaced_saved"] == 0


@pytest.mark.parametrize("user", [person(1, MICROSOFT, licensed=False), person(1, included=False)])
@pytest.mark.parametrize("action", ["replaced", "enabled", "number_set"])
def test_a_change_of_an_unlicensed_or_excluded_user_is_a_fault(
    user: TenantUser, action: str
) -> None:
    """Whatever the app changed about them."""
    seen = evidence([user], changes=[change(user, action, None)])
    assert wrongly_changed(seen) == [f"{user.upn}: {action} from none"]


def test_what_the_service_does_by_itself_is_no_fault_of_the_app() -> None:
    """Licensing may enable a room's conferencing: the app had no part in that."""
    room = person(1, MICROSOFT, included=False)
    seen = evidence([room], changes=[change(room, "enabled_automatically", None)])
    assert wrongly_changed(seen) == []


def test_only_what_the_app_sent_is_counted() -> None:
    """Without the demo's own licensing, and a batch is one call whatever it holds."""
    calls = put_right().counters["calls"]
    assert (app_calls(calls, "graph"), app_calls(calls, "teams")) == (2, 5)
    assert app_calls({}, "graph") == 0


def test_providers_are_counted_with_those_who_have_none() -> None:
    """By name."""
    assert by_provider([ALICE, person(2), person(3)]) == {"PGi": 1, "none": 2}
