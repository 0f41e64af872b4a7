"""What Graph sends, as far as the app reads it: unknown fields are taken, missing ones refused.

Source: Microsoft Graph v1.0 reference, resource types user, assignedPlan, subscription, and
"Combine multiple requests in one HTTP call using JSON batching".
"""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.domain.user import (
    AssignedPlan,
    DirectoryUser,
    PlanStatus,
    conferencing_status,
    holds_room_plan,
)


class GraphModel(BaseModel):
    """Camel case on the wire; strict about what is missing, generous about what is new."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


Guid = Annotated[str, AfterValidator(lambda value: str(UUID(value)))]
"""A GUID, lower-case with hyphens."""


class Plan(GraphModel):
    """Graph's assignedPlan."""

    service_plan_id: Guid
    capability_status: PlanStatus


class User(GraphModel):
    """Graph's user with the fields that decide. `assignedPlans` must be there, even when empty."""

    id: Guid
    user_principal_name: str
    user_type: str | None = None
    usage_location: str | None = None
    assigned_plans: list[Plan]

    def to_domain(self) -> DirectoryUser:
        """Return the directory's view of the user."""
        plans = [
            AssignedPlan(plan.service_plan_id, plan.capability_status)
            for plan in self.assigned_plans
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


class BatchAnswer(GraphModel):
    """One inner answer of a batch; its body is parsed by whoever asked."""

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

    def is_for(self, url: str) -> bool:
        """Whether it delivers to `url`, whatever its query (Event Grid addresses are compared whole)."""
        address = self.notification_url or ""
        return address == url or address.partition("?")[0] == url


class SubscriptionPage(GraphModel):
    """One page of the app's subscriptions."""

    value: list[Subscription]
    next_link: str | None = Field(None, alias="@odata.nextLink")


class ChangedUser(GraphModel):
    """A user of a delta page: removed, or with the plans it has now (None: they did not change)."""

    id: Guid
    removed: dict[str, Any] | None = Field(None, alias="@removed")
    assigned_plans: list[Plan] | None = None


class DeltaPage(GraphModel):
    """A page of changes; it has a next link or, at the end, a delta link."""

    value: list[ChangedUser]
    next_link: str | None = Field(None, alias="@odata.nextLink")
    delta_link: str | None = Field(None, alias="@odata.deltaLink")

    @model_validator(mode="after")
    def _has_a_link(self) -> Self:
        if not (self.next_link or self.delta_link):
            raise ValueError("@odata.nextLink or @odata.deltaLink is needed")
        return self
