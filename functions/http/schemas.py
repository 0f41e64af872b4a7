"""What the HTTP API takes and answers, around the views: the OpenAPI document is made of these models."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.domain.held import HeldSelection
from shared.domain.move_request import MoveRequest
from shared.domain.options import NO_NUMBERS, MoveOptions, OwnNumbers
from shared.errors import InputError
from shared.services.admin.reasons import LONGEST_NOTE, LONGEST_TICKET
from shared.settings.fields import Phone
from shared.userlists.names import distinct, user_name
from shared.views.health import FindingView
from shared.views.runs import DetailView, ResultView, RunView
from shared.views.users import (
    AttentionView,
    HeldView,
    HistoryView,
    ProviderView,
    ReadyView,
    SavedEntry,
)

MOST_USERS = 100_000
"""Users that one request may name."""


def _user(value: str) -> str:
    try:
        return user_name(value)
    except InputError as error:
        raise ValueError(str(error)) from None


User = Annotated[str, Field(max_length=200), AfterValidator(_user)]


class Reason(BaseModel):
    """Why somebody calls, kept and shown with what is done. Who calls is known from the sign-in or key."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ticket: Annotated[str, Field(max_length=LONGEST_TICKET)] | None = None
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] | None = None


class MoveParameters(Reason):
    """How the users are to be moved.

    `dry_run`: say what would happen and change nothing. `send_email`: Microsoft mails the users their
    new numbers and PIN. `service_number`, `toll_free_number`: their default numbers (E.164 with +).
    `expected`: how many users you expect to lose their conference ID; so many are changed whatever
    else was, and the others are held. Without it the guard's limit applies. `ticket`, `note`: why, kept
    with the run.
    """

    dry_run: bool = False
    send_email: bool = False
    service_number: Phone | None = None
    toll_free_number: Phone | None = None
    expected: Annotated[int, Field(ge=0, le=1_000_000)] | None = None

    def request(
        self,
        users: Iterable[str] | None = None,
        provider: str | None = None,
        own_numbers: Mapping[str, OwnNumbers] = NO_NUMBERS,
    ) -> MoveRequest:
        """Return the request as a domain type: over these users, or to be found by provider."""
        names = None if users is None else list(users)
        return MoveRequest(
            None if names is None else tuple(distinct(names)),
            provider,
            MoveOptions(
                self.send_email,
                self.service_number,
                self.toll_free_number,
                self.expected,
                own_numbers,
            ),
            self.dry_run,
            len(names or ()),
            self.ticket or "",
            self.note or "",
        )


class CsvParameters(MoveParameters):
    """The query of a request whose body is a CSV file."""

    column: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    skip_bad_lines: bool = False


class UserNumbers(BaseModel):
    """Default numbers of one user (E.164 with +). `line`: of the file that they are from, for errors."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    service_number: Phone | None = None
    toll_free_number: Phone | None = None
    line: Annotated[int, Field(ge=0)] = 0


class MoveBody(MoveParameters):
    """Whom to move: users by id or address, or everybody on a third-party provider, or on any.

    `numbers`: default numbers of single users, by their name in `users`.
    """

    users: Annotated[list[User], Field(min_length=1, max_length=MOST_USERS)] | None = None
    numbers: Annotated[dict[User, UserNumbers], Field(max_length=MOST_USERS)] | None = None
    provider: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    all_third_party: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.users is not None, self.provider is not None, self.all_third_party]
        if sum(ways) != 1:
            raise ValueError("name the users with exactly one of users, provider, all_third_party")
        if self.numbers and (self.service_number or self.toll_free_number):
            raise ValueError(
                "numbers: service_number and toll_free_number are for all; leave one out"
            )
        known = {name.lower() for name in self.users or ()}
        if strangers := [name for name in self.numbers or () if name.lower() not in known]:
            raise ValueError(f"numbers: {strangers[0]!r} is not in users")
        return self

    @property
    def own_numbers(self) -> dict[str, OwnNumbers]:
        """The numbers of single users as a domain type."""
        return {
            name.lower(): OwnNumbers(its.service_number, its.toll_free_number, its.line)
            for name, its in (self.numbers or {}).items()
            if its.service_number or its.toll_free_number
        }


class HeldBody(Reason):
    """Which of a run's held users; nothing: all. `limit`: at most so many of them."""

    users: Annotated[list[User], Field(min_length=1, max_length=MOST_USERS)] | None = None
    provider: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    def selection(self) -> HeldSelection:
        """Return the selection as a domain type."""
        users = None if self.users is None else frozenset(each.casefold() for each in self.users)
        return HeldSelection(self.limit, self.provider, users)


class RetryBody(Reason):
    """How the failed users of a run are tried again. `expected`: as for a move."""

    expected: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class PauseBody(Reason):
    """Whether to pause, and why; the end of a pause needs no reason."""

    paused: bool


class HeldDecision(BaseModel):
    """A run, and how many of its held users were released or discarded."""

    run: RunView
    users: int


class HeldList(BaseModel):
    """The users whom the guard holds."""

    users: list[HeldView]


class RunList(BaseModel):
    """Some runs, the newest first; `next` is the address of the page after them."""

    runs: list[RunView]
    next: str | None = None


class ResultPage(BaseModel):
    """Some results of a run, detailed if that was wanted; `next` is the address of the page after them."""

    results: list[DetailView] | list[ResultView]
    next: str | None = None


class HistoryList(BaseModel):
    """Some records of a user's history, the newest first; `next` is the address of the page after them."""

    id: str
    records: list[HistoryView]
    next: str | None = None


class Paging(BaseModel):
    """Which part of a list: at most `top` of what comes after `after`, which `next` has."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    top: Annotated[int, Field(ge=1, le=1_000)] = 100
    after: Annotated[str, Field(max_length=200)] = ""


class ResultParameters(BaseModel):
    """The query of a run's results. `details`: with names and numbers, which are looked up: at most 100."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    top: Annotated[int, Field(ge=1, le=1_000)] | None = None
    after: Annotated[str, Field(max_length=200)] = ""
    details: bool = False


class HistoryParameters(Paging):
    """The query of a user's history. `earlier`: also of others who had the address in the past."""

    earlier: bool = False


class SubscriptionView(BaseModel):
    """The change subscription: its id, and when Graph ends it unless it is renewed (UTC)."""

    subscription: str | None
    expires: datetime | None


class FindingList(BaseModel):
    """What the doctor found, part by part."""

    findings: list[FindingView]


class AttentionList(BaseModel):
    """The users who need attention."""

    users: list[AttentionView]


class ProviderList(BaseModel):
    """The third-party providers that the tenant knows."""

    providers: list[ProviderView]


class ReadyList(BaseModel):
    """The licensed users who are not on Microsoft, counted by provider."""

    by_provider: Mapping[str, int]
    users: list[ReadyView]


class SavedList(BaseModel):
    """The saved entries of one user, oldest first."""

    user: str
    entries: list[SavedEntry]
