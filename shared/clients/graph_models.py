"""Models of Graph's answers: unknown fields are accepted, missing ones rejected.

Source: Microsoft Graph v1.0 reference, resource types user, assignedPlan, subscription, and
"Combine multiple requests in one HTTP call using JSON batching".
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.clients.values import Guid, moment
from shared.domain.listing import ChangedUser
from shared.domain.service_plans import (
    CONFERENCING_PLANS,
    NO_PERSON_PLANS,
    RESOURCE_PLANS,
    ROOM_PLANS,
)
from shared.domain.subscription import LONGEST_SUBSCRIPTION, GraphSubscription
from shared.domain.user import (
    AssignedPlan,
    DirectoryUser,
    PlanStatus,
    conferencing_status,
    holds_plan,
)

_FIRST_YEAR: Final = 2000
"""A date before it stands for none: no such license existed."""


class GraphModel(BaseModel):
    """Camel case on the wire; missing fields are rejected, new ones accepted."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class Plan(GraphModel):
    """Graph's assignedPlan. Only the plans that matter must have a known status."""

    service_plan_id: Guid
    capability_status: str | None = None
    assigned_date_time: Any = None

    @model_validator(mode="after")
    def _status_is_known(self) -> Self:
        if self.decides and self.capability_status not in set(PlanStatus):
            raise ValueError(f"capabilityStatus {self.capability_status!r} is not known")
        return self

    @property
    def decides(self) -> bool:
        """Whether the plan includes conferencing, or marks a room or a resource account."""
        return self.service_plan_id in CONFERENCING_PLANS or self.service_plan_id in NO_PERSON_PLANS


class User(GraphModel):
    """Graph's user with the fields that matter. `assignedPlans` must be present, even when empty."""

    id: Guid
    user_principal_name: str
    display_name: str | None = None
    department: str | None = None
    user_type: str | None = None
    usage_location: str | None = None
    assigned_plans: list[Plan]

    def to_domain(self) -> DirectoryUser:
        """Return the directory's view of the user."""
        plans = [
            AssignedPlan(plan.service_plan_id, PlanStatus(plan.capability_status or ""))
            for plan in self.assigned_plans
            if plan.decides
        ]
        return DirectoryUser(
            id=self.id,
            upn=self.user_principal_name,
            plan_status=conferencing_status(plans),
            is_guest=(self.user_type or "").casefold() == "guest",
            is_room=holds_plan(plans, ROOM_PLANS),
            is_resource=holds_plan(plans, RESOURCE_PLANS),
            usage_location=self.usage_location,
            name=self.display_name or "",
            department=self.department or "",
            licensed_at=min(filter(None, map(_licensed_at, self.assigned_plans)), default=None),
        )


class UserPage(GraphModel):
    """The users with an address; a next page is not needed."""

    value: list[User]


class UserId(GraphModel):
    """A user of a listing that selects only the id."""

    id: Guid


class Group(GraphModel):
    """A group, with the fields that say whether its members can be read."""

    id: Guid
    visibility: str | None = None


class GroupIds(GraphModel):
    """The requested groups that a user belongs to."""

    value: list[Guid]


def _texts(headers: object) -> object:
    """Return the headers that are texts; the others say nothing."""
    given = headers if isinstance(headers, dict) else {}
    return {
        name: str(value) for name, value in given.items() if isinstance(value, str | int | float)
    }


class BatchAnswer(GraphModel):
    """One inner answer of a batch; the caller parses its body."""

    id: Annotated[str, Field(max_length=64)]
    status: Annotated[int, Field(ge=100, le=999)]
    headers: Annotated[dict[str, str], BeforeValidator(_texts)] = {}
    body: Any = None


def _date(text: str) -> str:
    if moment(text, datetime.now(UTC), LONGEST_SUBSCRIPTION) is None:
        raise ValueError("not a date")
    return text


class Subscription(GraphModel):
    """Graph's change subscription."""

    id: str
    expiration_date_time: Annotated[str, AfterValidator(_date)]
    notification_url: str | None = None

    def to_domain(self, now: datetime) -> GraphSubscription:
        """Return the subscription as a domain type.

        None to changes of users lasts longer than 29 days, whatever is said here.
        """
        ends = moment(self.expiration_date_time, now, LONGEST_SUBSCRIPTION)
        return GraphSubscription(self.id, ends or now, self.notification_url)


class DeltaUser(GraphModel):
    """A user of a delta page: removed, or with the plans it has now (None: they did not change).

    The plans are read leniently: one odd plan of one user must not stop the whole delta.
    """

    id: Guid
    removed: Any = Field(None, alias="@removed")
    assigned_plans: list[Any] | None = None

    def to_domain(self) -> ChangedUser:
        """Return the user as a domain type."""
        plans = () if self.removed is not None else self.assigned_plans or ()
        known = (
            str(plan.get("servicePlanId", "")).casefold() if isinstance(plan, dict) else ""
            for plan in plans
        )
        may_be_licensed = any(plan == "" or plan in CONFERENCING_PLANS for plan in known)
        return ChangedUser(self.id, self.removed is not None, may_be_licensed, _assigned_at(plans))


def _licensed_at(plan: Plan) -> datetime | None:
    """Return when an enabled conferencing plan was assigned; None: it is none, or does not say."""
    if (
        plan.service_plan_id not in CONFERENCING_PLANS
        or plan.capability_status != PlanStatus.ENABLED
    ):
        return None
    try:
        at = datetime.fromisoformat(plan.assigned_date_time)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo and at.year >= _FIRST_YEAR else None


def _assigned_at(plans: Iterable[Any]) -> datetime | None:
    """Return when the newest conferencing plan was assigned; None where one is not enabled, or unclear."""
    times = []
    for plan in plans:
        if not isinstance(plan, dict):
            return None
        name = str(plan.get("servicePlanId") or "").casefold()
        if name and name not in CONFERENCING_PLANS:
            continue
        try:
            at = datetime.fromisoformat(plan["assignedDateTime"])
        except (KeyError, TypeError, ValueError):
            return None
        if not name or plan.get("capabilityStatus") != PlanStatus.ENABLED or at.tzinfo is None:
            return None
        times.append(at)
    return max(times, default=None)
