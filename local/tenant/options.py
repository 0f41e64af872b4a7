"""Options of a tenant, chosen before it starts."""

import random
import uuid
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from local.tenant.faults.faults import Faults
from local.tenant.units import Seconds, Share


def tenant_id_of(seed: int) -> str:
    """The tenant's GUID: the same one for the same seed."""
    bits = random.Random(f"{seed}/tenant").getrandbits(128)  # noqa: S311 - not a secret
    return str(uuid.UUID(int=bits, version=4))


def _derived_tenant_id(data: dict[str, Any]) -> str:
    return tenant_id_of(data["seed"])


class Continuation(StrEnum):
    """Form in which a page of Teams users names the next one."""

    ADDRESS = "address"
    """`NextLink` with an absolute address."""
    TOKEN = "token"  # noqa: S105 - names a form
    """`nextLink` with a bare token, which goes back as `skiptoken`."""
    MODULE = "module"
    """`NextLink` with a bare token, as Microsoft's module describes it."""


class AcpInfo(StrEnum):
    """What Teams tells about users' provider entries."""

    SENT = "sent"
    NULL = "null"
    ABSENT = "absent"


class SetVerb(StrEnum):
    """Verb that sets a conferencing user."""

    PUT = "PUT"
    POST = "POST"


class TenantOptions(BaseModel):
    """What `create_app` needs. Unknown names and values out of range are refused.

    Times are in seconds, shares between 0 and 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(
        200, ge=1, le=1_000_000, description="how many users the tenant is born with"
    )
    seed: int = Field(1, description="everything about the users follows from it")
    tenant_id: str = Field(
        default_factory=_derived_tenant_id,
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="the tenant's GUID; by default it follows from the seed",
    )
    lag_seconds: Seconds = Field(
        2.0, description="from a license change in Graph to its effect in the Teams service"
    )

    identity_header: str | None = Field(
        None, description="the X-IDENTITY-HEADER that is accepted; None takes any non-empty one"
    )
    token_lifetime_seconds: int = Field(86_400, ge=1, description="how long an access token lives")

    other_mail: Share = Field(
        0.15, description="share of users whose mail address is not their user name"
    )
    other_sip: Share = Field(
        0.05, description="share of users whose SIP address is not their user name"
    )
    unknown_types: Share = Field(
        0.5,
        description="share of the ineligible accounts that Teams calls Unknown, as older clouds do",
    )
    nulls: Share = Field(
        0.5, description="share of users with null where Teams has no features or provider entries"
    )
    never_had_it: Share = Field(
        0.0,
        description="share of users licensed long ago, without a provider, whom the service never "
        "got: no AudioConferencing until their license assignment is reprocessed",
    )
    does_not_take: Share = Field(
        0.02,
        description="share of users without a provider who do not become Microsoft by themselves "
        "although the service has them",
    )
    never_provisioned: Share = Field(
        0.0,
        description="share of newly licensed users whom the service does not get at all until "
        "their license assignment is reprocessed",
    )
    reprocess_helps: bool = Field(
        True, description="whether reprocessLicenseAssignment cures those two kinds of user"
    )
    automatically_replace: bool = Field(
        False, description="AutomaticallyReplaceAcpProvider at the start"
    )
    send_emails: bool = Field(True, description="AutomaticallySendEmailsToUsers at the start")
    migrate_meetings: bool = Field(
        True, description="AutomaticallyMigrateUserMeetings at the start"
    )
    replace_retired: bool = Field(
        False, description="the service refuses replaceProvider, as Microsoft's does since 2022"
    )

    third_parties: bool = Field(
        True, description="whether users have third-party providers, as until 2019"
    )
    documented_api: bool = Field(
        True, description="whether Graph has the Teams user configurations: the global cloud only"
    )
    continuation: Continuation = Field(
        Continuation.ADDRESS, description="where a page of Teams users says that the next one is"
    )
    acp_info: AcpInfo = Field(
        AcpInfo.SENT,
        description="whether Teams sends users' provider entries, as it did until 2022, nulls, or "
        "leaves them out",
    )
    set_verb: SetVerb = Field(
        SetVerb.PUT,
        description="the verb that sets a conferencing user; another one is answered with 405",
    )

    handshake_timeout_seconds: Seconds = Field(
        10.0, description="how long a subscriber may take to echo the validation token"
    )
    notification_delay_seconds: Seconds = Field(
        0.05, description="how long changes are gathered before notifications go out"
    )
    notification_batch_size: int = Field(
        20, ge=1, le=1000, description="notifications in one POST, at most"
    )
    notification_timeout_seconds: Seconds = Field(
        10.0, description="how long a subscriber may take to answer a notification"
    )
    notification_retry_seconds: tuple[Seconds, ...] = Field(
        (0.5, 2.0, 8.0), description="the waits before a failed delivery is tried again"
    )
    slow_endpoint_delay_seconds: Seconds = Field(
        10.0, description="how long notifications to a webhook that answers slowly wait"
    )
    event_grid_url: str | None = Field(
        None, description="where the events of EventGrid: subscriptions are posted"
    )
    event_grid_queue: str | None = Field(
        None,
        repr=False,
        description="the address of the Storage queue, with its token (SAS), that they are put into "
        "instead",
    )

    enforce_permissions: bool = Field(
        False,
        description="whether the app's identity may do only what it was given permissions and roles "
        "for",
    )
    graph_limits: bool = Field(False, description="whether Graph's published limits are enforced")
    teams_rate: float | None = Field(
        None, gt=0, description="calls a second the Teams admin API takes; None for any number"
    )
    teams_burst: int = Field(20, ge=1, description="calls it takes at once on top of that")
    faults: Faults | None = Field(None, description="what goes wrong on purpose")
