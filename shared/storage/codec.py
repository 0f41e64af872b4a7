"""Encode and decode queue messages: JSON with a version, read strictly.

The mode stands before the cause (`move_sweep`, `report_catch_up`), and how often its users came again
behind it (`move_sweep_again_bc`: 12 times, in letters), because the versions before it take any cause of
letters and refuse an unknown field: after a rollback they still read these messages. A bare cause
(`sweep`) is a message of those versions: its mode is not known. The text of a message
for the upkeep is a bare word; versions before the tick take any as `renew`, which harms nothing.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.domain.messages import (
    USERS_PER_MESSAGE,
    Message,
    MoveMessage,
    PageMessage,
    Upkeep,
    UpkeepMessage,
)
from shared.domain.run import Mode, Signal
from shared.errors import InputError
from shared.text import canonical

_CAUSE: Final = rf"^(?:({'|'.join(Mode)})_)?({'|'.join(Signal)})(?:_again_([a-j]{{1,4}}))?$"
_TO_LETTERS: Final = str.maketrans("0123456789", "abcdefghij")
_TO_DIGITS: Final = str.maketrans("abcdefghij", "0123456789")

_OperationId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_RunId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
_UserId = Annotated[str, AfterValidator(canonical)]


class _Text(BaseModel):
    """Fields of any message. operation: messages of older versions have none."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, from_attributes=True
    )

    version: Literal[1] = 1


class _MoveText(_Text):
    cause: Annotated[str, Field(pattern=_CAUSE)]
    users: Annotated[tuple[_UserId, ...], Field(min_length=1, max_length=USERS_PER_MESSAGE)]
    run: _RunId | None = None
    operation: _OperationId | None = None


class _PageText(_Text):
    run: _RunId
    page: Annotated[int, Field(ge=0, le=999_999)]
    again: bool = False
    operation: _OperationId | None = None


def encode(message: Message) -> str:
    """Return a message's text."""
    text: _Text
    match message:
        case MoveMessage():
            text = _MoveText(
                cause=_cause(message),
                users=message.users,
                run=message.run,
                operation=message.operation,
            )
        case PageMessage():
            text = _PageText.model_validate(message)
        case UpkeepMessage():
            return message.part
    return text.model_dump_json(exclude_none=True)


def decode_move(text: str | bytes) -> MoveMessage:
    """Read the text of a message with users. InputError names the field that is wrong."""
    found = _read(_MoveText, text)
    ((mode, signal, retries),) = re.findall(_CAUSE, found.cause)
    return MoveMessage(
        Signal(signal),
        found.users,
        found.run,
        found.operation,
        Mode(mode) if mode else None,
        int(retries.translate(_TO_DIGITS) or 0),
    )


def decode_page(text: str | bytes) -> PageMessage:
    """Read the text of a message with a page. InputError names the field that is wrong."""
    found = _read(_PageText, text)
    return PageMessage(found.run, found.page, found.again, found.operation)


def decode_upkeep(text: str | bytes) -> UpkeepMessage:
    """Read the text of a message for the upkeep. InputError: any other text."""
    try:
        return UpkeepMessage(
            Upkeep(text.decode(errors="replace") if isinstance(text, bytes) else text)
        )
    except ValueError:
        words = ", ".join(map(repr, Upkeep))
        raise InputError(f"queue message: the whole text: one of {words} is expected") from None


def _cause(message: MoveMessage) -> str:
    mode = f"{message.mode}_" if message.mode else ""
    again = f"_again_{message.retries}".translate(_TO_LETTERS) if message.retries else ""
    return f"{mode}{message.cause}{again}"


def _read[Text: _Text](kind: type[Text], text: str | bytes) -> Text:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the whole text"
        raise InputError(f"queue message: {field}: {fault['msg']}") from None
