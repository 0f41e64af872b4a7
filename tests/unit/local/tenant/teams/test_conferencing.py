"""The conferencing service: what a set does."""

import pytest

from local.tenant.directory import catalog
from local.tenant.directory.people import MICROSOFT, Kind
from local.tenant.errors import TeamsError
from local.tenant.teams.conference_set import ConferenceSet, read_conference_set
from tests.unit.local.tenant.support import make_tenant, one

ADDON = catalog.AUDIO_CONFERENCING.id
REPLACE = ConferenceSet(replace_provider=True)
PLAIN = ConferenceSet()


def refusal(kind: Kind, change: ConferenceSet, **options: object) -> str:
    """The code with which setting a user of that kind is refused; nothing may change."""
    tenant = make_tenant(**options)
    user = one(tenant, kind)
    before = (user.entries, user.sets, user.conference)
    with pytest.raises(TeamsError) as caught:
        tenant.conferencing.set_user(user, change)
    assert (user.entries, user.sets, user.conference) == before
    assert tenant.ledger.changes == []
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        (Kind.THIRD_PARTY, PLAIN, "ThirdPartyProvider"),
        (Kind.UNLICENSED, REPLACE, "UserNotLicensed"),
        (Kind.UNLICENSED_THIRD_PARTY, REPLACE, "UserNotLicensed"),
        (Kind.SUSPENDED, REPLACE, "UserNotLicensed"),
        (Kind.WARNING, REPLACE, "UserNotLicensed"),
        (Kind.LOCKED_OUT, REPLACE, "UserNotLicensed"),
        (Kind.PLAN_DISABLED, REPLACE, "UserNotLicensed"),
        (Kind.PENDING, PLAIN, "NotAConferencingUser"),
        (Kind.GUEST, REPLACE, "UserNotEligible"),
        (Kind.ON_PREMISES, REPLACE, "UserNotEligible"),
        (Kind.INELIGIBLE, REPLACE, "UserNotEligible"),
        (Kind.THIRD_PARTY, ConferenceSet(replace_provider=True, bridge_name="x"), "BridgeNotFound"),
        (
            Kind.THIRD_PARTY,
            ConferenceSet(replace_provider=True, service_number="+14255550100"),
            "NumberNotOnBridge",
        ),
        (
            Kind.THIRD_PARTY,
            ConferenceSet(replace_provider=True, service_number="phone"),
            "InvalidNumber",
        ),
    ],
)
def test_a_set_that_is_refused_changes_nothing(
    kind: Kind, change: ConferenceSet, code: str
) -> None:
    """Each refusal has its code, and the user is as before."""
    assert refusal(kind, change) == code


def test_replacing_may_be_retired() -> None:
    """With replace_retired the parameter is refused, as on a live tenant."""
    code = refusal(Kind.THIRD_PARTY, REPLACE, replace_retired=True)
    assert code == "ReplaceProviderRetired"


def test_replacing_drops_the_old_entries_and_gives_new_numbers() -> None:
    """Only Microsoft's entry is left: the old numbers are gone for good."""
    tenant = make_tenant()
    user = one(tenant, Kind.THIRD_PARTY, 1)
    old = user.entries
    pin = tenant.conferencing.set_user(user, REPLACE)
    assert [e.name for e in user.entries] == [MICROSOFT]
    assert user.entries[0].passcode == "0"
    assert user.entries[0].domain == "resources.lync.com"
    assert user.conference is not None
    assert user.entries[0].toll_number == user.conference.number
    assert user.conference.number not in {e.toll_number for e in old}
    assert user.original_entries == old
    assert pin == user.conference.pin
    assert user.sets == 1
    assert [(c["action"], c["to"]) for c in tenant.ledger.changes] == [("replaced", MICROSOFT)]


def test_a_user_without_provider_is_enabled() -> None:
    """No replaceProvider is needed where there is nothing to replace."""
    tenant = make_tenant()
    user = one(tenant, Kind.NO_PROVIDER)
    tenant.conferencing.set_user(user, PLAIN)
    assert user.provider == MICROSOFT
    assert tenant.ledger.changes[0]["action"] == "enabled"


@pytest.mark.parametrize("change", [PLAIN, REPLACE])
def test_a_microsoft_user_is_left_alone(change: ConferenceSet) -> None:
    """Setting what is so already is no error and no change, not even of leftover entries."""
    tenant = make_tenant(users=400)
    user = one(tenant, Kind.MICROSOFT, 1)
    before, conference = user.entries, user.conference
    assert len(before) == 2
    assert tenant.conferencing.set_user(user, change) is None
    assert (user.entries, user.conference, user.sets, user.mails) == (before, conference, 0, 0)
    assert tenant.ledger.changes == []


def test_a_room_can_be_set() -> None:
    """The service does not protect rooms: the application has to."""
    tenant = make_tenant()
    room = one(tenant, Kind.ROOM)
    tenant.conferencing.set_user(room, REPLACE)
    assert room.provider == MICROSOFT


def test_a_microsoft_entry_that_is_not_the_default_does_not_count() -> None:
    """The default entry decides: such a user is still with the third party."""
    tenant = make_tenant(users=400)
    user = one(tenant, Kind.THIRD_PARTY, 2)
    assert MICROSOFT in {e.name for e in user.entries}
    with pytest.raises(TeamsError, match=r"replaceProvider"):
        tenant.conferencing.set_user(user, PLAIN)
    tenant.conferencing.set_user(user, REPLACE)
    assert [(e.name, e.default) for e in user.entries] == [(MICROSOFT, True)]


def test_the_default_number_is_of_the_users_country() -> None:
    """A bridge number of the usage location, else the bridge default."""
    tenant = make_tenant(users=400)
    bridge = tenant.bridges[0]
    for user in tenant.directory.users:
        if user.kind is Kind.THIRD_PARTY:
            tenant.conferencing.set_user(user, REPLACE)
            assert user.conference is not None
            assert user.conference.number == bridge.toll_for(user.usage_location)


@pytest.mark.parametrize("prefix", ["", "+", "tel:+"])
def test_a_service_number_overrides_the_default(prefix: str) -> None:
    """In any of the three ways to write it."""
    tenant = make_tenant()
    number = tenant.bridges[0].numbers[3].number
    user = one(tenant, Kind.THIRD_PARTY)
    change = ConferenceSet(replace_provider=True, service_number=prefix + number)
    tenant.conferencing.set_user(user, change)
    assert user.conference is not None
    assert user.conference.number == number


def test_another_number_keeps_the_conference_id() -> None:
    """Setting a number of a Microsoft user changes the number, its entry, and nothing else."""
    tenant = make_tenant()
    user = one(tenant, Kind.MICROSOFT)
    assert user.conference is not None
    conference_id = user.conference.conference_id
    old = user.conference.number
    number = next(n.number for n in tenant.bridges[0].numbers if n.number != old)
    tenant.conferencing.set_user(user, ConferenceSet(service_number=number))
    assert (user.conference.number, user.conference.conference_id) == (number, conference_id)
    assert user.entries[0].toll_number == number
    assert user.sets == 1
    change = tenant.ledger.changes[0]
    assert (change["action"], change["from"], change["to"]) == ("number_set", old, number)


def test_another_bridge_gives_another_conference_id() -> None:
    """Conference ids belong to a bridge."""
    tenant = make_tenant()
    user = one(tenant, Kind.MICROSOFT)
    assert user.conference is not None
    before = user.conference.conference_id
    europe = tenant.bridges[1]
    tenant.conferencing.set_user(user, ConferenceSet(bridge_id=europe.id))
    assert user.conference.bridge_id == europe.id
    assert user.conference.conference_id != before
    assert europe.find(user.conference.number, toll_free=False)


def test_a_pin_is_reset_only_on_request() -> None:
    """resetLeaderPin issues a PIN and counts as a change."""
    tenant = make_tenant()
    user = one(tenant, Kind.MICROSOFT)
    pin = tenant.conferencing.set_user(user, ConferenceSet(reset_leader_pin=True))
    assert pin is not None
    assert user.conference is not None
    assert user.conference.pin == pin
    assert user.sets == 1


@pytest.mark.parametrize(
    ("automatic", "asked", "mails"),
    [(True, False, 1), (True, True, 1), (False, True, 1), (False, False, 0)],
)
def test_mails_follow_the_setting_and_the_request(automatic: bool, asked: bool, mails: int) -> None:
    """One mail when the tenant sends them or the caller asks, none otherwise."""
    tenant = make_tenant(send_emails=automatic)
    user = one(tenant, Kind.THIRD_PARTY)
    tenant.conferencing.set_user(user, ConferenceSet(replace_provider=True, send_email=asked))
    assert (user.mails, tenant.ledger.mails) == (mails, mails)


@pytest.mark.parametrize(("on", "updates"), [(True, 1), (False, 0)])
def test_meetings_are_updated_when_the_setting_says_so(on: bool, updates: int) -> None:
    """AutomaticallyMigrateUserMeetings decides."""
    tenant = make_tenant(migrate_meetings=on)
    tenant.conferencing.set_user(one(tenant, Kind.THIRD_PARTY), REPLACE)
    assert tenant.ledger.meeting_updates == updates


def test_conference_ids_stay_unique() -> None:
    """Every user of a large move gets an id of their own."""
    tenant = make_tenant(users=1000)
    for user in tenant.directory.users:
        if user.kind is Kind.THIRD_PARTY:
            tenant.conferencing.set_user(user, REPLACE)
    ids = [u.conference.conference_id for u in tenant.directory.users if u.conference]
    assert len(ids) == len(set(ids))


# -- the body of a set


def test_a_body_is_read_in_camel_case() -> None:
    """The names on the wire are the cmdlet's in camel case."""
    body = {"replaceProvider": True, "serviceNumber": "+1", "tollFreeServiceNumber": None}
    assert read_conference_set(body) == ConferenceSet(replace_provider=True, service_number="+1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"replaceProvder": True}, "replaceProvder"),
        ({"replaceProvider": "yes"}, "replaceProvider"),
        ({"sendEmailToAddress": "a@b.example"}, "sendEmailToAddress"),
        ({"sendEmail": False, "sendEmailToAddress": "a@b.example"}, "sendEmailToAddress"),
        ({"sendEmail": True, "sendEmailToAddress": "nobody"}, "sendEmailToAddress"),
        ([], "object"),
    ],
)
def test_a_wrong_body_is_refused_by_name(body: object, field: str) -> None:
    """Unknown fields, wrong types, and an address without sendEmail."""
    with pytest.raises(TeamsError, match=field) as caught:
        read_conference_set(body)
    assert caught.value.code == "BadRequest"
