"""The bodies that the control API takes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.tenant.errors import ControlError
from local.tenant.exchange import Call


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AdvanceClock(_Body):
    """`POST /_tenant/clock`."""

    advance_seconds: float = Field(ge=0.0, le=10 * 365 * 86_400.0)


class EventGridAddress(_Body):
    """`PUT /_tenant/eventgrid`: where events go; null for nowhere."""

    url: str | None = Field(pattern=r"^https?://[^/]+")


class EventGridQueue(_Body):
    """`PUT /_tenant/eventgrid/queue`: the Storage queue that events go into, with its token (SAS)."""

    url: str = Field(pattern=r"^https?://[^/]+/.+\?.*sig=")


class EntryByHand(_Body):
    """One provider entry of `POST /_tenant/users/{id}/provider`; absent parts are made up."""

    name: Literal["InterCall", "PGi", "BT"]
    toll_number: str | None = Field(None, alias="tollNumber", pattern=r"^[1-9][0-9]{6,14}$")
    toll_free_number: str | None = Field(
        None, alias="tollFreeNumber", pattern=r"^[1-9][0-9]{6,14}$"
    )
    passcode: str | None = Field(None, alias="participantPassCode", pattern=r"^[0-9]{1,12}$")
    default: bool | None = None


class EntriesByHand(_Body):
    """`POST /_tenant/users/{id}/provider`: the user's entries from now on; empty for none."""

    entries: list[EntryByHand] = Field(max_length=10)


class DeltaTokens(_Body):
    """`POST /_tenant/delta`: what becomes of the delta tokens issued so far."""

    tokens: Literal["expire", "reset"]


class AdministratorRoles(_Body):
    """`PUT /_tenant/administrator`: the directory roles of whoever signs in, by name."""

    roles: list[str] = Field(max_length=20)


class TokenRequest(_Body):
    """`POST /_tenant/administrator/token`: what the token is for."""

    resource: Literal["https://graph.microsoft.com"] = "https://graph.microsoft.com"


def read_body[Model: BaseModel](model: type[Model], call: Call) -> Model:
    """The body as the model; raises ControlError naming the field that is wrong."""
    try:
        return model.model_validate_json(call.body or b"null")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise ControlError(field, f"{field}: {first['msg']}, not {first['input']!r}.") from None
