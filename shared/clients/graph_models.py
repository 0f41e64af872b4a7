"""Models of Graph's answers: unknown fields are accepted, missing ones rejected.

Source: Microsoft Graph v1.0 reference, resource types user, assignedPlan, subscription, and
"Combine multiple requests in one HTTP call using JSON batching".
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.domain.listing import ChangedUser, ChangePage
from shared.domain.service_plans import CONFERENCING_PLANS, ROOM_PLANS
from shared.domain.subscription import GraphSubscription
from shared.domain.user import (
    AssignedPlan,
    DirectoryUser,
    PlanStatus,
    conferencing_status,
    holds_room_plan,
)


class GraphModel(BaseModel):
    """Camel case on the wire; missing fields are rejected, new ones accepted."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


Guid = Annotated[str, AfterValidator(lambda value: str(UUID(value)))]
"""A GUID, lower-case with hyphens."""


class Plan(GraphModel):
    """Graph's assignedPlan. Only the plans that matter must have a known status."""

    service_plan_id: Guid
    capability_status: str | None = None

    @model_validator(mode="after")
    def _status_is_known(self) -> Self:
        if self.decides and self.capability_status not in set(PlanStatus):
            raise ValueError(f"capabilityStatus {self.capability_status!r} is not known")
        return self

    @property
    def decides(self) -> bool:
        """Whether the plan includes conferencing or marks a room."""
        return self.service_plan_id in CONFERENCING_PLANS or self.service_plan_id in ROOM_PLANS


class User(GraphModel):
    """Graph's user with the fields that matter. `assignedPlans` must be present, even when empty."""

    id: Guid
    user_principal_name: str
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
            is_room=holds_room_plan(plans),
            usage_location=self.usage_location,
        )


class UserId(GraphModel):
    """A user of a listing that selects only the id."""

    id: Guid


class UserIdPage(GraphModel):
    """One page of a listing of user ids."""

    value: list[UserId]
    next_link: str | None = Field(None, alias="@odata.nextLink")


class Group(GraphModel):
    """A group, with the fields that say whether its members can be read."""

    id: Guid
    visibility: str | None = None


class GroupIds(GraphModel):
    """The requested groups that a user belongs to."""

    value: list[Guid]


class BatchAnswer(GraphModel):
    """One inner answer of a batch; the caller parses its body."""

    id: str
    status: int
    headers: dict[str, str] = {}
    body: Any = None


class BatchAnswers(GraphModel):
    """All inner answers of a batch, in any order."""

    responses: list[BatchAnswer]


class Subscription(GraphModel):
    """Graph's change subscription."""

    id: str
    expiration_date_time: datetime
    notification_url: str | None = None

    def to_domain(self) -> GraphSubscription:
        """Return the subscription as a domain type."""
        return GraphSubscription(self.id, self.expiration_date_time, self.notification_url)


class SubscriptionPage(GraphModel):
    """One page of the app's subscriptions."""

    value: list[Subscription]
    next_link: str | None = Field(None, alias="@odata.nextLink")


class DeltaUser(GraphModel):
    """A user of a delta page: removed, or with the plans it has now (None: they did not change).

    The plans are read leniently: one odd plan of one user must not stop the whole delta.
    """

    id: Guid
    removed: dict[str, Any] | None = Field(None, alias="@removed")
    assigned_plans: list[dict[str, Any]] | None = None

    def to_domain(self) -> ChangedUser:
        """Return the user as a domain type."""
        plans = () if self.removed is not None else self.assigned_plans or ()
        known = (str(plan.get("servicePlanId", "")).casefold() for plan in plans)
        may_be_licensed = any(plan == "" or plan in CONFERENCING_PLANS for plan in known)
        return ChangedUser(self.id, self.removed is not None, may_be_licensed, _assigned_at(plans))


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


class DeltaPage(GraphModel):
    """A page of changes; it has a next link or, at the end, a delta link."""

    value: list[DeltaUser]
    next_link: str | None = Field(None, alias="@odata.nextLink")
    delta_link: str | None = Field(None, alias="@odata.deltaLink")

    @model_validator(mode="after")
    def _has_a_link(self) -> Self:
        if not (self.next_link or self.delta_link):
            raise ValueError("@odata.nextLink or @odata.deltaLink is needed")
        return self

    def to_domain(self) -> ChangePage:
        """Return the page as a domain type."""
        return ChangePage(
            [user.to_domain() for user in self.value], self.delta_link, self.next_link
        )
