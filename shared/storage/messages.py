"""The queue message: "look at these users". It says nothing else, so it may come twice or late."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.errors import InputError
from shared.operation import current_id

USERS_PER_MESSAGE: Final = 20
"""As many users as one Graph batch reads."""

_OperationId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class MoveMessage(BaseModel):
    """At most 20 user ids, what caused the look (for the log), and the run it belongs to, if any.

    operation: the id of the signal that it comes of (for the log); messages of older versions have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    cause: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    users: Annotated[
        tuple[Annotated[str, AfterValidator(lambda value: str(UUID(value)))], ...],
        Field(min_length=1, max_length=USERS_PER_MESSAGE),
    ]
    run: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")] | None = None
    operation: _OperationId | None = None

    def encode(self) -> str:
        """Return the message's text."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def decode(cls, text: str | bytes) -> "MoveMessage":
        """Read a message's text. InputError names the field that is wrong."""
        return _decode(cls, text)


class PageMessage(BaseModel):
    """One page of a run that a person asked for; page 0 stands for finding out who is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    run: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
    page: Annotated[int, Field(ge=0, le=999_999)]
    again: bool = False
    """Some of its users may have a result already."""
    operation: _OperationId | None = None

    def encode(self) -> str:
        """Return the message's text."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def decode(cls, text: str | bytes) -> "PageMessage":
        """Read a message's text. InputError names the field that is wrong."""
        return _decode(cls, text)


def messages(cause: str, users: Iterable[str], run: str | None = None) -> Iterator[str]:
    """Yield the texts of the messages that carry `users`, each user once, in the given order.

    They carry the operation under way too.
    """
    for group in batched(dict.fromkeys(users), USERS_PER_MESSAGE, strict=False):
        yield MoveMessage(cause=cause, users=group, run=run, operation=current_id()).encode()


def user_count(texts: Sequence[str]) -> int:
    """Return how many users the messages carry."""
    return sum(len(MoveMessage.decode(text).users) for text in texts)


def _decode[Message: BaseModel](kind: type[Message], text: str | bytes) -> Message:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the whole text"
        raise InputError(f"queue message: {field}: {fault['msg']}") from None
