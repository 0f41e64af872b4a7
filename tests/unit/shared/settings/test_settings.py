"""App settings: what is read, what is refused, what the refusal says."""

from datetime import timedelta

import pytest

from shared.domain.claim import HELD_FOR
from shared.domain.number_rules import NumberRules
from shared.domain.retry import DEFAULT_PACE, Pace
from shared.domain.run import Mode
from shared.errors import SettingsError
from shared.settings.queues import Queue, Queues
from shared.settings.settings import Cloud, Settings, TeamsApi, unknown_settings
from tests.fakes import guid

TENANT = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"
NEEDED = {"ACP_TENANT_ID": TENANT, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
GRID = {
    "ACP_EVENT_GRID_SUBSCRIPTION": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
    "ACP_EVENT_GRID_RESOURCE_GROUP": "acp",
    "ACP_EVENT_GRID_TOPIC": "users",
    "ACP_EVENT_GRID_LOCATION": "westeurope",
}
TWENTY = ",".join(guid(number) for number in range(20))
KEY = "c2VjcmV0IGtleSBvZiB0aGUgYWNjb3VudA=="


def read(**given: str) -> Settings:
    """Read the needed settings and the given ones."""
    return Settings.from_environment(NEEDED | given)


def test_two_settings_are_enough() -> None:
    """Tenant and storage have to be given; everything else has a default."""
    settings = read()
    assert (settings.mode, settings.cloud) == (Mode.MOVE, Cloud.PUBLIC)
    assert settings.recheck_delays == DEFAULT_PACE


def test_values_are_read_in_their_written_forms() -> None:
    """Lists, JSON, seconds and switches are read from their text."""
    settings = read(
        ACP_EXCLUDED_USERS="CEO@contoso.com, b@contoso.com,",
        ACP_NUMBER_RULES='{"DE": "+4969120012345"}',
        ACP_RECHECK_DELAYS="1,2.5",
        ACP_INCLUDE_ROOMS="true",
        ACP_MODE="report",
    )
    assert settings.excluded_users == {"ceo@contoso.com", "b@contoso.com"}
    assert settings.number_rules == NumberRules.parse({"DE": "+4969120012345"})
    assert settings.recheck_delays == Pace(0.09, timedelta(seconds=1), timedelta(seconds=2.5))
    assert settings.include_rooms
    assert settings.mode is Mode.REPORT


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("9%,45,3600", DEFAULT_PACE),
        (" 12.5 %, 30, 30", Pace(0.125, timedelta(seconds=30), timedelta(seconds=30))),
        ("60,120,300,600,1800,3600", Pace(0.09, timedelta(minutes=1), timedelta(hours=1))),
        ("5", Pace(0.09, timedelta(seconds=5), timedelta(seconds=5))),
    ],
)
def test_the_pace_is_one_line_and_an_old_list_still_works(text: str, pace: Pace) -> None:
    """A share with two bounds; the pauses of older versions are read as the bounds."""
    assert read(ACP_RECHECK_DELAYS=text).recheck_delays == pace


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("DE=+4969120012345; *=+14255550100", {"DE": "+4969120012345", "*": "+14255550100"}),
        (
            ' {"DE": "+4969120012345", "*": "+14255550100"}',
            {"DE": "+4969120012345", "*": "+14255550100"},
        ),
        (
            "fr=tel:+33199004887; de = 4969120012345; *=+1 (425) 555-0100",
            {"FR": "+33199004887", "DE": "+4969120012345", "*": "+14255550100"},
        ),
        (
            f"{TENANT.upper()}=+4969120012345;DE=+14255550100",
            {TENANT: "+4969120012345", "DE": "+14255550100"},
        ),
        (f'{{"{TENANT.upper()}": "+4969120012345"}}', {TENANT: "+4969120012345"}),
    ],
)
def test_number_rules_in_all_spellings(text: str, rules: dict[str, str]) -> None:
    """K10, K11: pairs or JSON, numbers and places as people write them, groups in any case; in order."""
    assert list(read(ACP_NUMBER_RULES=text).number_rules.written()) == list(rules.items())


@pytest.mark.parametrize(
    ("text", "users"),
    [
        *(
            (text, {"a@x.example", "b@x.example"})
            for text in (
                "A@x.example, b@x.example",
                "a@x.example; B@x.example",
                "a@x.example b@x.example",
                "a@x.example\n b@x.example;;",
                ",a@x.example,\t;b@x.example,a@x.example",
                "sip:A@x.example; SMTP:b@x.example",
            )
        ),
        ("$pilot@x.example", {"$pilot@x.example"}),
        *(
            (spelling % id_, {TENANT})
            for spelling in ("{%s}", "(%s)", "urn:uuid:%s", " %s ")
            for id_ in (TENANT, TENANT.upper(), TENANT.replace("-", ""))
        ),
    ],
)
def test_exclusions_are_read_as_on_the_command_line(text: str, users: set[str]) -> None:
    """K5, K6, rule 9: any separators, in any case of the letters, ids as PowerShell or a portal has them."""
    assert read(ACP_EXCLUDED_USERS=text).excluded_users == users


def test_groups_are_ids_and_at_most_twenty() -> None:
    """Excluded groups are object ids; together with those of rules Graph can be asked about 20."""
    assert read(ACP_EXCLUDED_GROUPS=f" {TENANT.upper()} ,").excluded_groups == {TENANT}
    assert len(read(ACP_EXCLUDED_GROUPS=TWENTY).excluded_groups) == 20


MALFORMED = {
    "ACP_TENANT_ID": ["contoso.com"],
    "ACP_MODE": ["maybe"],
    "ACP_CLOUD": ["mars"],
    "ACP_GRAPH_URL": ["graph.microsoft.com"],
    "ACP_SWEEP_SCHEDULE": ["every night", "0 2 * * *"],
    "ACP_RECHECK_DELAYS": [
        *("soon", "-1", ",", "nan", "1e300", "inf", "nan%,45,3600", "0%,45,3600", "101%,45,3600"),
        *("10%", "10%,45", "10%,3600,45", "10%,1,2,3", "10,45%,3600", "10%,0,3600"),
    ],
    "ACP_NUMBER_RULES": [
        *("{", "DE", "DE=069 1200", "=+4969120012345", "[" * 50_000),
        *('{"Germany": "+4969120012345"}', '{"DE": "069 1200"}'),
    ],
    "ACP_PAGE_SIZE": ["0"],
    "ACP_MAX_CALLS_IN_FLIGHT": ["many"],
    "ACP_INCLUDE_ROOMS": ["perhaps"],
    "ACP_QUEUE": ["Moves_", "m" * 48],
    "ACP_PUBLIC_URL": ["https://a.example/?a=b#c"],
    "ACP_TABLE_PREFIX": ["1x"],
    "ACP_REQUEST_TIMEOUT": ["90.5", "0"],
    "ACP_DELIVERY": ["queue", "eventgrid_queue", "EventGrid"],
    "ACP_EXCLUDED_GROUPS": ["Board"],
    "ACP_INCLUDED_GROUPS": ["pilot", f"{TENANT};{TENANT}"],
    "ACP_GUARD_MAX_MOVES": ["many", "-1"],
    "ACP_GUARD_MAX_SHARE": ["0", "1.5", "nan"],
    "ACP_GUARD_MAX_ENABLES": ["1.5"],
    "ACP_GUARD_WINDOW_MINUTES": ["0", "1h"],
    **{
        f"ACP_KEEP_{what}_DAYS": ["a year", "0", "-1", "1.5", "99999", "1e3", "365 days"]
        for what in ("RUNS", "HELD", "KEYS", "USERS", "POISON", "HISTORY")
    },
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values]
)
def test_malformed_setting_is_named_with_its_value(name: str, value: str) -> None:
    """The refusal names the setting, the value and where settings are set: nothing goes by a guess."""
    with pytest.raises(SettingsError) as caught:
        read(**{name: value})
    text = str(caught.value)
    assert f"  {name} is {value!r}" in text
    assert "local.settings.json" in text


REFUSED = {
    **{
        f"K10: {text}": ({"ACP_NUMBER_RULES": text}, said)
        for text, said in (
            ("UK=+442079460000", "'UK' is no country of ISO 3166; GB perhaps?"),
            ("EN=+442079460000", "'EN' is no country of ISO 3166"),
            ("ZZ=+442079460000; *=+14255550100", "'ZZ' is no country of ISO 3166"),
            ("FR=+33199004887; FR=+33199004888", "FR is given twice"),
            ("FR=+33199004887; fr =+33199004887", "FR is given twice"),
            ('{"FR": "+33199004887", "FR": "+33199004888"}', "FR is given twice"),
            ("*=+14255550100; *=+14255550101", "* is given twice"),
            (f"{TENANT}=+14255550100; {TENANT.upper()}=+14255550101", f"{TENANT} is given twice"),
        )
    },
    **{
        f"rule 9: {text}": ({"ACP_EXCLUDED_USERS": text}, f"{text!r}: {said} names no user")
        for text, said in (
            ("Adele Vance", "name 1: 'Adele'"),
            ("a@x.example|b@x.example", "name 1: 'a@x.example|b@x.example'"),
            ("a@x.example, Board", "name 2: 'Board'"),
            ('"a@x.example"', "name 1: '\"a@x.example\"'"),
        )
    },
    "more groups than Graph can be asked about": (
        {"ACP_EXCLUDED_GROUPS": TWENTY, "ACP_NUMBER_RULES": f"{TENANT}=+14255550100"},
        "name 21 groups",
    ),
    **{
        f"calls that {cloud} does not have": (
            {"ACP_TEAMS_API": "documented", "ACP_CLOUD": cloud},
            f"documented: the cloud {cloud} does not have these",
        )
        for cloud in (Cloud.GCC_HIGH, Cloud.DOD, Cloud.CHINA)
    },
    "a delivery that there is not": ({"ACP_DELIVERY": "queue"}, "eventgrid-queue"),
    "rules that nobody could carry out": (
        {"ACP_TEAMS_API": "documented", "ACP_NUMBER_RULES": "*=+14255550100"},
        "ACP_NUMBER_RULES: no documented call assigns",
    ),
    "a key that outlives its run": (
        {"ACP_KEEP_RUNS_DAYS": "7", "ACP_KEEP_KEYS_DAYS": "8"},
        "ACP_KEEP_KEYS_DAYS is 8, more than ACP_KEEP_RUNS_DAYS (7)",
    ),
    **{
        f"a limit of an older version: {what}": (
            {f"ACP_SWEEP_MAX_{what}": "0"},
            f"ACP_SWEEP_MAX_{what}: it is called ACP_GUARD_MAX_{what} now",
        )
        for what in ("MOVES", "SHARE")
    },
    **{
        f"{delivery} without {missing}": (
            {**GRID, "ACP_DELIVERY": delivery, missing: ""},
            f"{missing}: missing; ACP_DELIVERY={delivery} needs",
        )
        for delivery in ("eventgrid", "eventgrid-queue")
        for missing in GRID
    },
}


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_what_protects_nobody_or_cannot_work_stops_the_start(
    given: dict[str, str], said: str
) -> None:
    """Settings that are read and still mean nothing, or something else than meant: the error says why."""
    with pytest.raises(SettingsError) as caught:
        read(**given)
    assert said in str(caught.value)


def test_settings_beside_those_that_are_refused_are_read() -> None:
    """The other clouds, the documented calls, keys as old as their run, an old limit that is empty."""
    assert read(ACP_CLOUD=Cloud.GCC_HIGH).teams_api is TeamsApi.ADMIN
    assert read(ACP_TEAMS_API="documented").teams_api is TeamsApi.DOCUMENTED
    assert read(ACP_KEEP_RUNS_DAYS="7", ACP_KEEP_KEYS_DAYS="7").keep_runs_days == 7
    assert read(ACP_SWEEP_MAX_MOVES="", ACP_SWEEP_MAX_SHARE="").guard_max_moves == 500


def test_empty_counts_as_not_set() -> None:
    """A setting cleared in the portal has its default again."""
    assert read(ACP_MODE="").mode is Mode.MOVE


def test_no_call_outlives_the_claim_on_its_change() -> None:
    """The longest call, and the 2 s for its turn, end well before others may change the user."""
    longest = read(ACP_REQUEST_TIMEOUT="90").request_timeout
    assert timedelta(seconds=longest + 2) < HELD_FOR


def test_missing_settings_are_all_named() -> None:
    """Everything that is missing is said at once, with what it means."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({})
    assert "ACP_TENANT_ID: missing" in str(caught.value)
    with pytest.raises(SettingsError, match="AzureWebJobsStorage"):
        Settings.from_environment({"ACP_TENANT_ID": TENANT})


def test_misspelled_setting_is_warned_of_with_a_guess() -> None:
    """A misspelled name does not silently leave the default in force; what is known is passed over."""
    given = {"ACP_SWEEP_SHEDULE": "x", "ACP_Z7": "", "ACP_MODE": "report", "ACP_APP_KEY": "k"}
    assert unknown_settings({**given, "PATH": "", "acp_mod": ""}) == [
        "ACP_SWEEP_SHEDULE: no such setting, it is not read; did you mean ACP_SWEEP_SCHEDULE?",
        "ACP_Z7: no such setting, it is not read",
    ]
    assert read(ACP_SWEEP_SHEDULE="x") == read()


def test_storage_key_is_in_no_text() -> None:
    """Rule 6: the storage key appears neither in the settings' text nor in a refusal."""
    connection = f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY}"
    assert KEY not in repr(read(AzureWebJobsStorage=connection))
    with pytest.raises(SettingsError) as caught:
        read(AzureWebJobsStorage=connection, ACP_MODE="x")
    assert KEY not in str(caught.value)


def test_storage_that_is_no_connection_string_is_refused_without_its_text() -> None:
    """A text that is no connection string is refused, and not repeated, for it may hold a key."""
    with pytest.raises(SettingsError, match="AzureWebJobsStorage: a connection string") as caught:
        read(AzureWebJobsStorage=KEY)
    assert KEY not in str(caught.value)


def test_managed_identity_storage_needs_both_endpoints() -> None:
    """Without a connection string, table and queue endpoint have to be given."""
    both = {
        "AzureWebJobsStorage__tableServiceUri": "https://a.table.core.windows.net",
        "AzureWebJobsStorage__queueServiceUri": "https://a.queue.core.windows.net",
    }
    assert Settings.from_environment({"ACP_TENANT_ID": TENANT, **both}).storage_connection is None
    with pytest.raises(SettingsError, match="queueServiceUri"):
        Settings.from_environment({"ACP_TENANT_ID": TENANT, **dict([*both.items()][:1])})


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (
            {"ACP_PUBLIC_URL": "http://127.0.0.1:7071"},
            "http://127.0.0.1:7071/api/graph/notifications",
        ),
        ({"ACP_PUBLIC_URL": "https://a.example/x/"}, "https://a.example/x/api/graph/notifications"),
        ({"WEBSITE_HOSTNAME": "a.example"}, "https://a.example/api/graph/notifications"),
        ({}, None),
    ],
)
def test_notification_address(given: dict[str, str], url: str | None) -> None:
    """The address for Graph comes from the setting, else from the host name that Azure sets."""
    assert read(**given).notification_url == url


def test_protection_is_the_same_for_the_same_rules_only() -> None:
    """K2: what protects is compared by digests: the spelling does not matter, the value does."""
    here = read(ACP_EXCLUDED_USERS="a@x.example; b@x.example").protection
    assert here == read(ACP_EXCLUDED_USERS="B@x.example,a@x.example").protection
    others = {
        "ACP_MODE": "report",
        "ACP_EXCLUDED_USERS": "a@x.example",
        "ACP_EXCLUDED_GROUPS": TENANT,
        "ACP_INCLUDE_ROOMS": "true",
        "ACP_GUARD_MAX_MOVES": "7",
        "ACP_GUARD_MAX_SHARE": "0.5",
        "ACP_GUARD_MAX_ENABLES": "9",
        "ACP_GUARD_WINDOW_MINUTES": "30",
        "ACP_INCLUDED_GROUPS": TENANT,
    }
    usual = read().protection
    for name, value in others.items():
        given = read(**{name: value}).protection
        assert [each for each in usual if usual[each] != given[each]] == [name]
    assert "x.example" not in str(here)


@pytest.mark.parametrize(
    ("delivery", "events"),
    [("webhook", None), ("eventgrid", None), ("eventgrid-queue", Queue("moves-events"))],
)
def test_the_queue_of_events_is_there_only_where_events_come_by_queue(
    delivery: str, events: Queue | None
) -> None:
    """Doctor, metrics, janitor and poison go by these names; the others are as ever."""
    queues = read(**GRID, ACP_DELIVERY=delivery).queues
    assert queues == Queues(Queue("moves"), Queue("moves-requests"), Queue("moves-upkeep"), events)
    assert queues.names[6:] == (("moves-events", "moves-events-poison") if events else ())


@pytest.mark.parametrize("delivery", ["eventgrid", "eventgrid-queue"])
def test_graph_delivers_to_the_topic(delivery: str) -> None:
    """Both ways of Event Grid are the same subscription in Graph."""
    assert read(**GRID, ACP_DELIVERY=delivery).notification_url == (
        "EventGrid:?azuresubscriptionid=6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11&resourcegroup=acp"
        "&partnertopic=users&location=westeurope"
    )
