"""Encode and decode queue messages: JSON with a version, read strictly.

The text of a renewal is the bare word `renew`.
"""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.domain.messages import (
    USERS_PER_MESSAGE,
    Message,
    MoveMessage,
    PageMessage,
    RenewMessage,
)
from shared.domain.run import Signal
from shared.errors import InputError

_RENEW: Final = "renew"

_OperationId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_RunId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
_UserId = Annotated[str, AfterValidator(lambda value: str(UUID(value)))]


class _Text(BaseModel):
    """Fields of any message. operation: messages of older versions have none."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, from_attributes=True
    )

    version: Literal[1] = 1


class _MoveText(_Text):
    cause: Signal
    users: Annotated[tuple[_UserId, ...], Field(min_length=1, max_length=USERS_PER_MESSAGE)]
    run: _RunId | None = None
    operation: _OperationId | None = None


class _PageText(_Text):
    run: _RunId
    page: Annotated[int, Field(ge=0, le=999_999)]
    again: bool = False
    operation: _OperationId | None = None


def encode(message: Message | RenewMessage) -> str:
    """Return a message's text."""
    match message:
        case MoveMessage():
            kind: type[_Text] = _MoveText
        case PageMessage():
            kind = _PageText
        case RenewMessage():
            return _RENEW
    return kind.model_validate(message).model_dump_json(exclude_none=True)


def decode_move(text: str | bytes) -> MoveMessage:
    """Read the text of a message with users. InputError names the field that is wrong."""
    return MoveMessage(**_fields(_MoveText, text))


def decode_page(text: str | bytes) -> PageMessage:
    """Read the text of a message with a page. InputError names the field that is wrong."""
    return PageMessage(**_fields(_PageText, text))


def decode_renewal(text: str | bytes) -> RenewMessage:
    """Read the text of a renewal. InputError: any other text."""
    if (text.decode(errors="replace") if isinstance(text, bytes) else text) != _RENEW:
        raise InputError(f"queue message: the whole text: {_RENEW!r} is expected")
    return RenewMessage()


def _fields(kind: type[_Text], text: str | bytes) -> dict[str, Any]:
    try:
        found = kind.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the whole text"
        raise InputError(f"queue message: {field}: {fault['msg']}") from None
    return {name: value for name, value in found if name != "version"}
