"""The tenant's conferencing settings by a configuration snapshot of Graph: asynchronous, and optional.

Sources: "configurationBaseline: createSnapshot", "configurationSnapshotJob resource type" and "Supported
Microsoft Teams resources" (tenant configuration management, Microsoft Graph v1.0). It needs the permission
ConfigurationMonitoring.ReadWrite.All and Microsoft's own service principal for it in the tenant. A
snapshot is an object in the tenant, kept for a week; it changes no setting.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from shared.clients import wire
from shared.clients.graph_models import GraphModel
from shared.clients.http import ServiceClient
from shared.clock import Clock
from shared.domain.listing import TenantSwitches
from shared.errors import AccessDeniedError, ContractError, TransientError

RESOURCE: Final = "microsoft.teams.dialinconferencingtenantsettings"
_NAME: Final = "ACP Mover settings"
"""8 to 32 letters, digits and spaces."""

_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
"""Seconds before each look at the job: two minutes in all."""

_ENDED: Final = frozenset({"succeeded", "failed", "partiallysuccessful"})


class SnapshotJob(GraphModel):
    """A job that makes a snapshot; `resource_location` is where the result is."""

    id: str
    status: str | None = None
    resource_location: str | None = None


class Resource(GraphModel):
    """A resource in a snapshot."""

    resource_type: str
    properties: dict[str, Any]


class Snapshot(GraphModel):
    """What a snapshot holds."""

    resources: list[Resource]


async def read_switches(service: ServiceClient, clock: Clock) -> TenantSwitches | None:
    """Return the tenant-wide switches; None: the permission is missing, so they are not known.

    TransientError: the snapshot is not ready after two minutes. ContractError: it failed, or lacks them.
    """
    try:
        job = await service.call(
            wire.CREATE_SNAPSHOT,
            SnapshotJob.model_validate_json,
            json={"displayName": _NAME, "resources": [RESOURCE]},
            tries=1,
        )
    except AccessDeniedError:
        return None
    for pause in _PAUSES:
        await clock.sleep(pause)
        job = await service.call(
            wire.GET_SNAPSHOT_JOB, SnapshotJob.model_validate_json, ids={"id": job.id}
        )
        if (job.status or "").casefold() in _ENDED:
            break
    else:
        raise TransientError("Graph", str(wire.GET_SNAPSHOT_JOB), "the snapshot is not ready yet")
    if not job.resource_location:
        raise ContractError("Graph", str(wire.GET_SNAPSHOT_JOB), f"the snapshot {job.status}")
    place = urlsplit(job.resource_location).path.rstrip("/").rpartition("/")[2]
    snapshot = await service.call(
        wire.GET_SNAPSHOT, Snapshot.model_validate_json, ids={"id": place}
    )
    return _switches(snapshot)


def _switches(snapshot: Snapshot) -> TenantSwitches:
    """Return the switches of a snapshot; names are compared without case."""
    for each in snapshot.resources:
        if each.resource_type.casefold() == RESOURCE:
            found = {name.casefold(): value for name, value in each.properties.items()}
            return TenantSwitches(
                # Of no effect where third parties cannot be connected any more; it may be absent.
                replaces_provider=_is_on(found, "AutomaticallyReplaceAcpProvider", default=False),
                sends_mail=_is_on(found, "AutomaticallySendEmailsToUsers"),
                sends_meetings=_is_on(found, "AutomaticallyMigrateUserMeetings"),
            )
    raise ContractError("Graph", str(wire.GET_SNAPSHOT), f"field resources: no {RESOURCE}")


def _is_on(found: dict[str, Any], name: str, default: bool | None = None) -> bool:
    value = found.get(name.casefold(), default)
    if isinstance(value, bool):
        return value
    raise ContractError("Graph", str(wire.GET_SNAPSHOT), f"field {name}: a boolean is needed")
