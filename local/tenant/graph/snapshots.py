"""Configuration snapshots: the tenant's conferencing settings, read by a job that takes a while.

Sources: "configurationBaseline: createSnapshot", "configurationSnapshotJob resource type",
https://learn.microsoft.com/graph/api/resources/configurationsnapshotjob, and "Supported Microsoft Teams
resources for Tenant Configuration Management" (the resource's name and properties).
"""

import re
from dataclasses import dataclass

from local.tenant.clock import stamp
from local.tenant.errors import GraphError
from local.tenant.exchange import Answer, Call, Routes
from local.tenant.graph.users import not_found
from local.tenant.graph.writes import read_object
from local.tenant.tenant import Tenant

RESOURCE = "microsoft.teams.dialinconferencingtenantsettings"
_ROOT = "/admin/configurationManagement"
_SECONDS = 3.0
_NAME = re.compile(r"[A-Za-z0-9 ]{8,32}")


@dataclass(frozen=True, slots=True)
class _Job:
    id: str
    snapshot: str
    name: str
    began: float


class ConfigurationSnapshots:
    """Jobs and their results; a job has ended some seconds after it was created."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._jobs: dict[str, _Job] = {}

    def add_to(self, routes: Routes) -> None:
        """Add the addresses."""
        create = f"{_ROOT}/configurationSnapshots/createSnapshot"
        routes.add("POST", create, "create_snapshot", self.create)
        path = f"{_ROOT}/configurationSnapshotJobs/{{id}}"
        routes.add("GET", path, "get_snapshot_job", self.job)
        routes.add("GET", f"{_ROOT}/configurationSnapshots/{{id}}", "get_snapshot", self.snapshot)

    def create(self, call: Call) -> Answer:
        """Begin a snapshot of the conferencing settings."""
        body = read_object(call)
        name, resources = body.get("displayName"), body.get("resources")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _bad("displayName: 8 to 32 letters, digits and spaces are needed.")
        if not isinstance(resources, list) or resources != [RESOURCE]:
            raise _bad(f"resources: this tenant has {RESOURCE} only.")
        new = self._tenant.new_id
        job = _Job(new(), new(), name, self._tenant.clock.now())
        self._jobs[job.id] = job
        return Answer(201, self._show(call, job))

    def job(self, call: Call) -> Answer:
        """One job."""
        job = self._jobs.get(call.params["id"])
        if job is None:
            raise not_found(call.params["id"])
        return Answer(200, self._show(call, job))

    def snapshot(self, call: Call) -> Answer:
        """The result of a job that has ended."""
        ended = {job.snapshot for job in self._jobs.values() if self._ended(job)}
        if call.params["id"] not in ended:
            raise not_found(call.params["id"])
        properties = self._tenant.settings.as_json()
        found = {"displayName": "Global", "resourceType": RESOURCE, "properties": properties}
        return Answer(200, {"id": call.params["id"], "resources": [found]})

    def _ended(self, job: _Job) -> bool:
        return self._tenant.clock.now() >= job.began + _SECONDS

    def _show(self, call: Call, job: _Job) -> dict[str, object]:
        ended = self._ended(job)
        where = f"{call.base}/v1.0{_ROOT}/configurationSnapshots/{job.snapshot}"
        return {
            "id": job.id,
            "displayName": job.name,
            "status": "succeeded" if ended else "running",
            "resources": [RESOURCE],
            "createdDateTime": stamp(job.began),
            "completedDateTime": stamp(job.began + _SECONDS) if ended else None,
            "resourceLocation": where if ended else None,
        }


def _bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)
