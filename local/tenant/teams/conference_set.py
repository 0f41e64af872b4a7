"""The body of a set: `PUT /Teams.Cpc/users/{id}`."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from local.tenant.errors import TeamsError


class ConferenceSet(BaseModel):
    """What an administrator asks for; a field that is absent or null asks for nothing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True
    )

    bridge_id: str | None = None
    bridge_name: str | None = None
    service_number: str | None = None
    toll_free_service_number: str | None = None
    allow_toll_free_dial_in: bool | None = None
    reset_leader_pin: bool | None = None
    send_email: bool | None = None
    send_email_to_address: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+$")
    replace_provider: bool | None = None

    @model_validator(mode="after")
    def _address_needs_mail(self) -> "ConferenceSet":
        if self.send_email_to_address is not None and not self.send_email:
            raise ValueError("sendEmailToAddress can be used only with sendEmail")
        return self


def read_conference_set(body: object) -> ConferenceSet:
    """The body as a ConferenceSet; raises TeamsError BadRequest that names the field."""
    if not isinstance(body, dict):
        raise TeamsError("BadRequest", "The body must be a JSON object.")
    try:
        return ConferenceSet.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "sendEmailToAddress"
        raise TeamsError("BadRequest", f"{field}: {first['msg']}.") from None
