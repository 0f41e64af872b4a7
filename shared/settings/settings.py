"""App settings: name, type, default, unit and meaning, in one place.

`docs/settings.md` is generated from this module (`make docs`) and a test compares the two.
A missing or malformed setting stops the app at start with an error that names it.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

from pydantic import (
    AliasGenerator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from shared.domain.claim import LONGEST_CALL
from shared.domain.number_rules import NumberRules
from shared.domain.retry import DEFAULT_PACE
from shared.domain.run import Mode
from shared.domain.schedule import cover
from shared.errors import SettingsError
from shared.settings.errors import explain, unknown
from shared.settings.fields import (
    BareUrl,
    ConnectionString,
    Days,
    Groups,
    Guid,
    Names,
    NumberRulesSetting,
    PaceSetting,
    ScheduleText,
    Seconds,
    SecretUrl,
)
from shared.settings.queues import Queues


class Delivery(StrEnum):
    """How Graph delivers change notifications."""

    WEBHOOK = "webhook"
    EVENT_GRID = "eventgrid"
    EVENT_GRID_QUEUE = "eventgrid-queue"


class ApiAccess(StrEnum):
    """Access to the HTTP API: function key or sign-in."""

    KEY = "key"
    ENTRA = "entra"


class Cloud(StrEnum):
    """The Microsoft cloud of the tenant."""

    PUBLIC = "public"
    GCC_HIGH = "gcchigh"
    DOD = "dod"
    CHINA = "china"


class TeamsApi(StrEnum):
    """The calls by which users' conferencing is read and set."""

    ADMIN = "admin"
    """The Teams admin API: providers, numbers, and setting Microsoft; not documented by Microsoft."""
    DOCUMENTED = "documented"
    """Microsoft Graph alone: whether a user is provisioned; nothing is set."""


_STORAGE: Final = "AzureWebJobsStorage"

_COMMAND_LINE: Final = frozenset(
    {"ACP_APP_URL", "ACP_APP_KEY", "ACP_APP_TOKEN", "ACP_SETTINGS", "ACP_CONSOLE_TOKEN"}
)
"""Variables that only the command line reads."""

REPLACED: Final = {
    "ACP_SWEEP_MAX_MOVES": "ACP_GUARD_MAX_MOVES",
    "ACP_SWEEP_MAX_SHARE": "ACP_GUARD_MAX_SHARE",
}
"""Settings of older versions. What protects must not silently mean something else, or nothing."""

MOST_GROUPS: Final = 20
"""Groups that one call can check a user against (Graph, user: checkMemberGroups)."""


class Settings(BaseModel):
    """The app's settings. Field `sweep_schedule` is the app setting `ACP_SWEEP_SCHEDULE`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(alias=lambda name: f"ACP_{name.upper()}"),
    )

    tenant_id: Guid = Field(
        description="The Microsoft Entra tenant, a GUID. Notifications of any other are refused.",
        examples=["6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"],
    )
    mode: Mode = Field(
        Mode.MOVE,
        description="`move` sets Microsoft as provider; `report` only reports who would be moved.",
    )
    cloud: Cloud = Field(
        Cloud.PUBLIC, description="The Microsoft cloud: its addresses and audiences."
    )
    teams_api: TeamsApi = Field(
        TeamsApi.ADMIN,
        description="`admin`: the Teams admin API, which also replaces providers and assigns default "
        "numbers; `documented`: only documented Graph calls, without an Entra role, which show who is "
        "provisioned; nothing is set.",
    )
    graph_url: SecretUrl | None = Field(
        None, description="Address of Microsoft Graph; empty: the cloud's."
    )
    teams_url: SecretUrl | None = Field(
        None, description="Address of the Teams admin API; empty: the cloud's."
    )
    identity_client_id: str | None = Field(
        None, description="Client id of the user-assigned managed identity; empty: system-assigned."
    )
    public_url: BareUrl | None = Field(
        None,
        description="Where Graph reaches this app; empty: `https://$WEBSITE_HOSTNAME`, which Azure sets.",
    )
    api_access: ApiAccess = Field(
        ApiAccess.KEY,
        description="What opens the HTTP API: `key` (a function key) or `entra` (people and programs "
        "sign in; App Service authentication has to be switched on, see docs/security.md).",
    )
    sign_in_client_id: Guid | None = Field(
        None,
        description="Only for the command line: client id of the public client application with "
        "which an administrator signs in (device code).",
    )
    sign_in_url: SecretUrl | None = Field(
        None, description="Only for the command line: sign-in address; empty: the cloud's."
    )
    excluded_users: Names = Field(
        frozenset(),
        description="User ids, user principal names, or mail, proxy or SIP addresses of users who "
        "are never changed, separated by commas, semicolons or spaces.",
        examples=["ceo@contoso.com,6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c12"],
    )
    include_rooms: bool = Field(
        False, description="Whether room and resource accounts are moved like users."
    )
    excluded_groups: Groups = Field(
        frozenset(),
        description="Object ids of groups whose members, nested groups included, are never "
        "changed, separated by commas. Needs the Graph permission GroupMember.Read.All.",
        examples=["0f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c13"],
    )
    number_rules: NumberRulesSetting = Field(
        default_factory=NumberRules,
        description="Default toll number by group (object id; the first match wins), else by usage "
        "location (ISO 3166), else `*` for all others (or the same as JSON), each named once; without "
        "a rule the service chooses.",
        examples=["DE=+4969120012345; *=+14255550100"],
    )
    sweep_schedule: ScheduleText = Field(
        "0 0 2 * * *", description="Schedule for the sweep of all users (NCRONTAB, UTC)."
    )
    recheck_schedule: ScheduleText = Field(
        "0 * * * * *",
        description="Schedule for retrying waiting users who are due (NCRONTAB, UTC).",
    )
    catch_up_schedule: ScheduleText = Field(
        "0 */5 * * * *",
        description="Schedule for asking Graph which licenses changed (NCRONTAB, UTC).",
    )
    guard_max_moves: int = Field(
        500,
        ge=0,
        le=1_000_000,
        description="Users who may lose their conference ID within the guard's window, whatever the "
        "signal; the others are held until a person releases them.",
    )
    guard_max_share: float | None = Field(
        None,
        gt=0,
        le=1,
        description="The same limit as a share of the licensed users, if that is less; empty: none.",
    )
    guard_max_enables: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Users without a provider who may be enabled within the guard's window; they are "
        "counted apart, because they lose nothing. Empty: no limit.",
    )
    guard_window_minutes: int = Field(
        60, ge=1, le=10_080, description="The guard's window: the limits hold for any such stretch."
    )
    included_groups: Groups = Field(
        frozenset(),
        description="The pilot: object ids of groups, separated by commas. Nobody but their members, "
        "nested groups included, is changed; everybody is counted. Needs GroupMember.Read.All.",
        examples=["0f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c14"],
    )
    approvers: Names = Field(
        frozenset(),
        description="Who may release held users: ids or addresses, separated by commas. It takes a sign-in "
        "of one of them who did not begin the run; a function key releases nobody. Empty: everybody who "
        "may write.",
        examples=["adele@contoso.com"],
    )
    sweep_lease_seconds: Seconds = Field(
        300, description="Seconds until another instance may resume an interrupted sweep."
    )
    reprocess_licenses: bool = Field(
        False,
        description="Whether to ask Graph once, after the grace period, to reprocess a license.",
    )
    delivery: Delivery = Field(
        Delivery.WEBHOOK,
        description="How Graph delivers changes: `webhook`; `eventgrid` (Event Grid calls a function); "
        "`eventgrid-queue` (Event Grid writes into the app's queue `-events`, and nothing has to be warm).",
    )
    event_grid_subscription: str = Field(
        "", description="Event Grid: the Azure subscription (GUID) of the partner topic."
    )
    event_grid_resource_group: str = Field("", description="Event Grid: its resource group.")
    event_grid_topic: str = Field("", description="Event Grid: the partner topic's name.")
    event_grid_location: str = Field("", description="Event Grid: its Azure region.")
    subscription_schedule: ScheduleText = Field(
        "0 30 * * * *",
        description="Schedule for maintaining the change subscription (NCRONTAB, UTC).",
    )
    recheck_delays: PaceSetting = Field(
        DEFAULT_PACE,
        description="Pause before the next attempt at a waiting user: a share of the time since the "
        "license was assigned, then the shortest and the longest pause in seconds. A list of pauses "
        "without a share, as in older versions, sets the shortest and the longest.",
        examples=["9%,45,3600"],
    )
    grace_hours: float = Field(
        24,
        gt=0,
        le=720,
        description="Hours that provisioning may take before a user is listed under *needs attention*.",
    )
    max_failures: int = Field(
        6,
        ge=1,
        le=100,
        description="Failed attempts per user before the user is listed under *needs attention*.",
    )
    max_calls_in_flight: int = Field(
        32, ge=1, le=256, description="Concurrent calls to one service, per process."
    )
    request_timeout: float = Field(
        30,
        gt=0,
        le=LONGEST_CALL,
        description="Time-out of one HTTP call, in seconds; at most 90, so that no change outlives "
        "the claim that keeps other attempts away from its user.",
    )
    page_size: int = Field(
        1000, ge=1, le=1000, description="Users per page of the Teams listing (the sweep)."
    )
    queue: str = Field(
        "moves",
        pattern=r"^[a-z0-9](-?[a-z0-9])*$",
        min_length=3,
        max_length=47,
        description="Name of the queue that carries user ids; the names of the others begin with it.",
    )
    table_prefix: str = Field(
        "",
        pattern=r"^([a-z][a-z0-9]{0,29})?$",
        description="Prefix of all table names.",
    )
    log_users: bool = Field(
        False, description="Whether log lines name users; otherwise a pseudonym."
    )
    janitor_schedule: ScheduleText = Field(
        "0 45 4 * * *", description="Schedule for deleting what is old (NCRONTAB, UTC)."
    )
    keep_runs_days: Days = Field(
        365, description="Days to keep a run with its results and requests, after its end."
    )
    keep_held_days: Days = Field(
        30, description="Days that a held sweep can be released; then it ends."
    )
    keep_keys_days: Days = Field(
        30, description="Days that a repeated Idempotency-Key answers with the same run."
    )
    keep_users_days: Days = Field(
        365,
        description="Days after the last attempt at a user until the user's state is deleted, if the "
        "directory no longer knows the user.",
    )
    keep_history_days: Days = Field(400, description="Days to keep a record of a user's history.")
    keep_poison_days: Days = Field(
        30, description="Days to keep a malformed queue message for examination."
    )
    storage_connection: ConnectionString | None = Field(
        None,
        alias=_STORAGE,
        repr=False,
        description="Connection string of the storage account (local use).",
    )
    storage_table_uri: SecretUrl | None = Field(
        None,
        alias=f"{_STORAGE}__tableServiceUri",
        description="Table endpoint, with a managed identity.",
    )
    storage_queue_uri: SecretUrl | None = Field(
        None,
        alias=f"{_STORAGE}__queueServiceUri",
        description="Queue endpoint, with a managed identity.",
    )
    hostname: str | None = Field(
        None, alias="WEBSITE_HOSTNAME", description="Set by Azure: the app's own host name."
    )

    @model_validator(mode="after")
    def _storage_is_there(self) -> Self:
        if not self.storage_connection and not (self.storage_table_uri and self.storage_queue_uri):
            raise ValueError(
                f"{_STORAGE}: set a connection string, or {_STORAGE}__tableServiceUri and "
                f"{_STORAGE}__queueServiceUri for a managed identity"
            )
        return self

    @model_validator(mode="after")
    def _groups_fit_one_question(self) -> Self:
        groups = self.excluded_groups | self.included_groups | set(self.number_rules.by_group)
        if len(groups) > MOST_GROUPS:
            raise ValueError(
                f"ACP_EXCLUDED_GROUPS, ACP_INCLUDED_GROUPS and ACP_NUMBER_RULES name {len(groups)} "
                f"groups; Graph is asked about {MOST_GROUPS} at most: put groups together in one"
            )
        return self

    @model_validator(mode="after")
    def _documented_calls_suffice(self) -> Self:
        if self.teams_api is not TeamsApi.DOCUMENTED:
            return self
        if self.cloud is not Cloud.PUBLIC:
            raise ValueError(
                f"ACP_TEAMS_API=documented: the cloud {self.cloud} does not have these Graph calls; "
                "use ACP_TEAMS_API=admin"
            )
        if self.number_rules:
            raise ValueError(
                "ACP_NUMBER_RULES: no documented call assigns default numbers; remove the rules, or "
                "use ACP_TEAMS_API=admin"
            )
        return self

    @model_validator(mode="after")
    def _a_key_is_kept_no_longer_than_its_run(self) -> Self:
        if self.keep_keys_days > self.keep_runs_days:
            raise ValueError(
                f"ACP_KEEP_KEYS_DAYS is {self.keep_keys_days}, more than ACP_KEEP_RUNS_DAYS "
                f"({self.keep_runs_days}): a repeated key would begin a run that was deleted"
            )
        return self

    @model_validator(mode="after")
    def _event_grid_is_complete(self) -> Self:
        parts = {
            "ACP_EVENT_GRID_SUBSCRIPTION": self.event_grid_subscription,
            "ACP_EVENT_GRID_RESOURCE_GROUP": self.event_grid_resource_group,
            "ACP_EVENT_GRID_TOPIC": self.event_grid_topic,
            "ACP_EVENT_GRID_LOCATION": self.event_grid_location,
        }
        missing = [name for name, value in parts.items() if not value]
        if self.delivery is not Delivery.WEBHOOK and missing:
            raise ValueError(
                f"{missing[0]}: missing; ACP_DELIVERY={self.delivery} needs {', '.join(parts)}"
            )
        return self

    @cached_property
    def queues(self) -> Queues:
        """The app's queues."""
        return Queues.named(self.queue, events=self.delivery is Delivery.EVENT_GRID_QUEUE)

    @property
    def tick_schedule(self) -> str:
        """When the tick runs: whenever a part of it is due."""
        return cover(self.recheck_schedule, self.catch_up_schedule)

    @property
    def protection(self) -> dict[str, str]:
        """What protects users, by setting: equal texts mean equal protection; names are only digests."""
        values: dict[str, object] = {
            "ACP_MODE": self.mode,
            "ACP_EXCLUDED_USERS": sorted(self.excluded_users),
            "ACP_EXCLUDED_GROUPS": sorted(self.excluded_groups),
            "ACP_INCLUDE_ROOMS": self.include_rooms,
            "ACP_INCLUDED_GROUPS": sorted(self.included_groups),
            "ACP_GUARD_MAX_MOVES": self.guard_max_moves,
            "ACP_GUARD_MAX_SHARE": self.guard_max_share,
            "ACP_GUARD_MAX_ENABLES": self.guard_max_enables,
            "ACP_GUARD_WINDOW_MINUTES": self.guard_window_minutes,
            "ACP_APPROVERS": sorted(self.approvers),
        }
        return {
            name: hashlib.sha256(repr(value).encode()).hexdigest()[:16]
            for name, value in values.items()
        }

    @property
    def grace(self) -> timedelta:
        """How long provisioning may take."""
        return timedelta(hours=self.grace_hours)

    @property
    def notification_url(self) -> str | None:
        """Address for Graph's change notifications, or None if unknown.

        Source of the Event Grid form: "Receive Microsoft Graph API change events through Azure
        Event Grid", Azure Event Grid documentation.
        """
        if self.delivery is not Delivery.WEBHOOK:
            return (
                f"EventGrid:?azuresubscriptionid={self.event_grid_subscription}"
                f"&resourcegroup={self.event_grid_resource_group}"
                f"&partnertopic={self.event_grid_topic}&location={self.event_grid_location}"
            )
        base = str(self.public_url) if self.public_url else f"https://{self.hostname or ''}"
        return f"{base.rstrip('/')}/api/graph/notifications" if base != "https://" else None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; empty values count as not set. `SettingsError` names each fault.

        Unknown names are reported by `unknown_settings`.
        """
        fields = _fields()
        if old := [name for name in REPLACED if environment.get(name)]:
            raise SettingsError(
                "The app cannot start with these settings:\n"
                + "\n".join(f"  {name}: it is called {REPLACED[name]} now" for name in old)
                + "\nThe limit holds for every signal now, not for sweeps alone: see docs/settings.md."
            )
        given = {
            name: value for name, value in environment.items() if value != "" and name in fields
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(explain(error, given, fields)) from None


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable that begins with ACP_ and names no setting.

    Not an error: a setting of another version must not stop an app that was rolled back.
    """
    known = list(_fields())
    ours = {name for name in environment if name.startswith("ACP_")}
    return unknown(ours - set(known) - _COMMAND_LINE, known)


def _fields() -> dict[str, FieldInfo]:
    return {str(field.alias): field for field in Settings.model_fields.values()}
