"""What the HTTP API takes and gives, as pydantic models: the OpenAPI document is made from them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.domain.options import MoveOptions
from shared.domain.outcome import UserResult
from shared.domain.waiting import Waiting
from shared.errors import InputError
from shared.setting_forms import Phone
from shared.storage.replaced import ReplacedProvider
from shared.storage.runs import Run
from shared.userlists.names import user_name

MOST_USERS = 100_000
"""Users that one request may name."""


def _user(value: str) -> str:
    try:
        return user_name(value)
    except InputError as error:
        raise ValueError(str(error)) from None


User = Annotated[str, Field(max_length=200), AfterValidator(_user)]


class MoveWishes(BaseModel):
    """What is asked for beside the users.

    `dry_run`: tell what would happen and change nothing. `send_email`: Microsoft mails the users their
    new numbers and PIN. `service_number`, `toll_free_number`: their default numbers (E.164 with +).
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dry_run: bool = False
    send_email: bool = False
    service_number: Phone | None = None
    toll_free_number: Phone | None = None

    @property
    def options(self) -> MoveOptions:
        """The wishes in the domain's words."""
        return MoveOptions(self.send_email, self.service_number, self.toll_free_number)


class CsvWishes(MoveWishes):
    """The query of a request whose body is a CSV file."""

    column: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    skip_bad_lines: bool = False


class MoveRequest(MoveWishes):
    """Whom to move: users by id or address, or everybody on a third-party provider, or on any."""

    users: Annotated[list[User], Field(min_length=1, max_length=MOST_USERS)] | None = None
    provider: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    all_third_party: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.users is not None, self.provider is not None, self.all_third_party]
        if sum(ways) != 1:
            raise ValueError("name the users with exactly one of users, provider, all_third_party")
        return self


class RunView(BaseModel):
    """A run: its state, its counts by name, and when it began and ended (UTC)."""

    id: str
    cause: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int]

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return a run as it is shown."""
        return cls(
            id=run.id,
            cause=run.cause,
            state=str(run.state),
            started_at=run.started_at,
            finished_at=run.finished_at,
            reason=run.reason,
            counts=run.counts,
        )


class RunList(BaseModel):
    """Runs, the newest first."""

    runs: list[RunView]


class ResultView(BaseModel):
    """What happened to one user of a run."""

    user: str
    id: str
    outcome: str
    reason: str
    provider_before: str | None = None

    @classmethod
    def of(cls, result: UserResult) -> Self:
        """Return a result as it is shown."""
        return cls(
            user=result.upn or result.user_id,
            id=result.user_id,
            outcome=str(result.outcome),
            reason=result.reason,
            provider_before=result.old_provider,
        )


class ResultPage(BaseModel):
    """Some results of a run; `next` is the address of the page after them."""

    results: list[ResultView]
    next: str | None = None


class SubscriptionView(BaseModel):
    """The change subscription: its id, and when Graph ends it unless it is renewed (UTC)."""

    subscription: str | None
    expires: datetime | None


class FindingView(BaseModel):
    """A part of the app: ok, warning or failed, with what to do."""

    part: str
    verdict: str
    detail: str
    to_do: str


class FindingList(BaseModel):
    """What the doctor found, part by part."""

    findings: list[FindingView]


class AttentionView(BaseModel):
    """A user for whom a person is needed, and why."""

    user: str
    id: str
    since: datetime
    reason: str

    @classmethod
    def of(cls, row: Waiting) -> Self:
        """Return a row as it is shown."""
        return cls(user=row.upn, id=row.user_id, since=row.since, reason=row.reason)


class AttentionList(BaseModel):
    """The users who need attention."""

    users: list[AttentionView]


class ProviderView(BaseModel):
    """A third-party provider that the tenant knows."""

    name: str
    domain: str = ""
    url: str | None = None


class ProviderList(BaseModel):
    """The third-party providers that the tenant knows."""

    providers: list[ProviderView]


class ReadyView(BaseModel):
    """A licensed user who is not on Microsoft."""

    user: str
    id: str
    provider: str
    action: str
    reason: str


class ReadyList(BaseModel):
    """The licensed users who are not on Microsoft, counted by provider."""

    by_provider: Mapping[str, int]
    users: list[ReadyView]


class EntryView(BaseModel):
    """A provider entry without its conference ID."""

    provider: str
    default: bool
    toll_number: str
    toll_free_number: str


class UserState(BaseModel):
    """What is known of one user. `outcome`, `moved_at`: the app's last look and its last move."""

    user: str
    id: str
    plan: str | None = None
    provider: str | None = None
    action: str
    reason: str
    entries: list[EntryView]
    outcome: str | None = None
    moved_at: datetime | None = None
    waits_because: str | None = None
    due: datetime | None = None
    saved_records: int


class SavedEntry(EntryView):
    """A saved entry, whole: the conference ID is a secret of the user's meetings."""

    conference_id: str
    url: str
    saved_at: datetime


class SavedList(BaseModel):
    """The saved entries of one user, oldest first."""

    user: str
    entries: list[SavedEntry]

    @classmethod
    def of(cls, user: str, records: list[ReplacedProvider]) -> Self:
        """Return saved records as they are shown."""
        return cls(
            user=user,
            entries=[
                SavedEntry(
                    provider=entry.name,
                    default=entry.default,
                    toll_number=entry.toll_number,
                    toll_free_number=entry.toll_free_number,
                    conference_id=entry.passcode,
                    url=entry.url,
                    saved_at=record.saved_at,
                )
                for record in records
                for entry in record.entries
            ],
        )
