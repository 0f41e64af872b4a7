"""Operation on moves: begin a run over users, a CSV file, a provider's users, or all on a third party."""

import asyncio
import io
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from shared.api.answers import PointedError, Reply, read, read_query
from shared.api.models import MOST_USERS, CsvWishes, MoveRequest, MoveWishes, RunView
from shared.domain.bridges import check_options
from shared.errors import InputError, TooLargeError
from shared.storage.requests import Wish
from shared.userlists.csv_file import BadLine, csv_names
from shared.userlists.names import distinct

if TYPE_CHECKING:
    from shared.desk import Desk
    from shared.storage.runs import Run

CSV: Final = "text/csv"
_LARGEST: Final = 16 * 2**20
_LONGEST_KEY: Final = 200
_FAULTS_TOLD: Final = 20


async def begin(
    desk: "Desk", body: bytes, headers: Mapping[str, str], query: Mapping[str, str]
) -> Reply:
    """Begin a run; 202 with its address. The same idempotency key answers with the same run.

    body: JSON as `MoveRequest`, or, with `Content-Type: text/csv`, a CSV file, whose wishes are in
    the query as `CsvWishes`.
    """
    if len(body) > _LARGEST:
        raise TooLargeError(f"the body has {len(body):,} bytes; at most {_LARGEST:,} are taken")
    key = headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise InputError(f"Idempotency-Key: 1 to {_LONGEST_KEY} characters are needed")
    if headers.get("Content-Type", "").partition(";")[0].strip().casefold() == CSV:
        wishes = read_query(CsvWishes, query)
        # In a thread: a large file must not hold up the notifications that this instance answers.
        users = await asyncio.to_thread(from_csv, body, wishes)
        run = await _over_users(desk, users, wishes, key)
    else:
        wish = read(MoveRequest, body)
        if wish.users is not None:
            run = await _over_users(desk, wish.users, wish, key)
        else:
            run = await _over_provider(desk, wish, key)
    return Reply(RunView.of(run), HTTPStatus.ACCEPTED, {"Location": f"/api/runs/{run.id}"})


async def _over_users(
    desk: "Desk", users: Iterable[str], wishes: MoveWishes, key: str | None
) -> "Run":
    names = list(distinct(users))
    if not names:
        raise InputError("no user was named; nothing was done")
    wish = await _checked(desk, wishes, None)
    return await desk.queued.accept_users(names, wish, dry_run=wishes.dry_run, key=key)


async def _over_provider(desk: "Desk", wishes: MoveRequest, key: str | None) -> "Run":
    provider = await _known_provider(desk, wishes.provider)
    wish = await _checked(desk, wishes, provider)
    return await desk.queued.accept_provider(wish, dry_run=wishes.dry_run, key=key)


async def _checked(desk: "Desk", wishes: MoveWishes, provider: str | None) -> Wish:
    options = wishes.options
    if options.service_number or options.toll_free_number:
        check_options(options, await desk.app.teams.bridge_numbers(), desk.app.rules.numbers)
    return Wish(provider, options)


def from_csv(body: bytes, wishes: CsvWishes, most: int = MOST_USERS) -> list[str]:
    """Return the names in a CSV file; PointedError tells the lines that hold none, by number.

    TooLargeError: more than `most` users, or more lines than that without one.
    """
    names: list[str] = []
    bad: list[BadLine] = []
    skipped = 0
    for item in csv_names(io.BytesIO(body), wishes.column):
        if isinstance(item, str):
            names.append(item)
        elif wishes.skip_bad_lines:
            skipped += 1
        else:
            bad.append(item)
        # No more is read than is needed to refuse the file.
        if len(names) > most:
            raise TooLargeError(f"at most {most:,} users are taken at once")
        if skipped > most:
            raise TooLargeError(f"more than {most:,} lines name no user: is it the right file?")
        if len(bad) == _FAULTS_TOLD:
            break
    if bad:
        raise PointedError([(f"/{line.number}", line.reason) for line in bad])
    return names


async def _known_provider(desk: "Desk", provider: str | None) -> str | None:
    """Return the provider as the tenant spells it; InputError lists those that the tenant knows."""
    if provider is None:
        return None
    known = [each.name for each in await desk.app.teams.providers()]
    for name in known:
        if name.casefold() == provider.strip().casefold():
            return name
    raise InputError(f"provider: the tenant knows {', '.join(known) or 'none'}, not {provider!r}")
