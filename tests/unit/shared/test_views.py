"""What people and programs are shown."""

from shared.domain.decision import Action, Decision
from shared.domain.outcome import Outcome, UserResult
from shared.domain.retry import ask_person
from shared.domain.run import Run, RunState, Signal
from shared.domain.saved import ReplacedProvider
from shared.domain.user import ProviderEntry
from shared.services.admin.user_view import UserView
from shared.services.sweeping.finding import NOBODY, Found
from shared.views.runs import ResultView, RunView
from shared.views.status import StatusView
from shared.views.users import AttentionView, EntryView, ReadyView, SavedEntry, UserState
from tests.fakes import (
    NOON,
    PASSCODE,
    conferencing,
    guid,
    in_service,
    licensed,
    microsoft,
    third_party,
)

UPN = "user1@contoso.example"


def test_id_stands_in_for_a_name_that_is_not_known() -> None:
    """Results, users for a person and those ready to move show the name, else the id."""
    for upn, shown in ((UPN, UPN), ("", guid(1))):
        result = UserResult(guid(1), Outcome.FAILED, "why", upn)
        waiting = ask_person(guid(1), upn, "why", NOON)
        found = Found(guid(1), upn, NOBODY, Action.WAIT, "why")
        views = (ResultView.of(result), AttentionView.of(waiting), ReadyView.of(found))
        assert {(view.user, view.id, view.reason) for view in views} == {(shown, guid(1), "why")}


def test_run_is_shown_in_plain_words() -> None:
    """Signal and state are the texts that the API documents."""
    view = RunView.of(Run("r1", Signal.SWEEP, RunState.HELD, NOON, reason="why", counts={"a": 1}))
    assert view.model_dump(mode="json") == {
        "id": "r1",
        "cause": "sweep",
        "state": "held",
        "started_at": "2026-11-23T12:00:00Z",
        "finished_at": None,
        "reason": "why",
        "counts": {"a": 1},
        "done": 0,
        "expected": 0,
        "by_name": False,
        "requested_by": None,
        "decided_by": None,
        "ticket": None,
        "note": None,
        "paused": None,
        "side_effects": None,
        "waits": None,
    }


def test_conference_id_is_shown_with_saved_entries_only() -> None:
    """An entry is shown without its conference ID; a saved record is shown whole."""
    assert PASSCODE not in EntryView.of(third_party()).model_dump_json()
    record = ReplacedProvider(guid(1), "InterCall", (third_party(), microsoft()), NOON, UPN)
    saved = SavedEntry.all_of(record)
    assert [(each.provider, each.conference_id) for each in saved] == [
        ("InterCall", PASSCODE),
        ("Microsoft", "0"),
    ]
    assert {each.saved_at for each in saved} == {NOON}


def test_a_saved_conferencing_user_is_told_from_entries() -> None:
    """Rule 10: what a user on Microsoft had, with the bridge; its kind says which is which."""
    had = conferencing(guid(1))
    entry = ProviderEntry("Microsoft", "", "+15550199", "", had.conference_id, "", True)
    record = ReplacedProvider(guid(1), "Microsoft", (entry,), NOON, UPN, had)
    (shown,) = SavedEntry.all_of(record)
    assert shown == SavedEntry(
        provider="Microsoft",
        default=True,
        toll_number="+15550199",
        toll_free_number="",
        kind="conferencing_user",
        bridge="bridge's name",
        conference_id=had.conference_id,
        url="",
        saved_at=NOON,
    )


def test_user_of_whom_nothing_is_recorded() -> None:
    """What is not known is left empty; the service's entries carry no conference ID."""
    decision = Decision(Action.REPLACE, "the provider is InterCall")
    service = in_service(1, third_party())
    view = UserState.of(UserView(licensed(1), service, decision, None, None, []))
    assert (view.user, view.plan, view.provider, view.action) == (
        UPN,
        "Enabled",
        "InterCall",
        "replace",
    )
    assert (view.outcome, view.moved_at, view.waits_because, view.due) == (None, None, None, None)
    assert PASSCODE not in view.model_dump_json()
    unknown = UserState.of(UserView(licensed(1, None), None, decision, None, None, []))
    assert (unknown.plan, unknown.provider, unknown.entries) == (None, None, [])


def test_the_status_keeps_its_names() -> None:
    """Fields are added, never renamed: programs read them from `acp status --output json`."""
    promised = {
        "licensed",
        "on_microsoft",
        "ready",
        "waiting",
        "attention",
        "held",
        "mode",
        "paused",
    }
    promised |= {"pilot", "last_sweep", "next_sweep", "delta_age_s", "capabilities"}
    assert promised <= StatusView.model_fields.keys()
