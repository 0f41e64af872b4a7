"""Table `requests`: the users of requested runs, page by page, so that a run can be resumed.

Partition: the run. Row: the page's number; row `wish`: provider and options.
Partition `keys`: the run of each idempotency key.

A page has at most 100 names as they were given: they are looked up when the page is carried out. `done`
means that every user of the page has a result.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from shared.concurrency import gather_bounded
from shared.domain.move_request import NAMES_PER_PAGE, MoveRequest, RequestPage
from shared.domain.options import MoveOptions, OwnNumbers
from shared.errors import BusyError, ConflictError, StorageError
from shared.storage.rows import field, json_field
from shared.storage.runs import RUN_ID
from shared.storage.tables import Table
from shared.storage.wire import Change, Verb

_WISH: Final = "wish"
_KEYS: Final = "keys"
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MAILED: Final = "x-mailed-"
_IN_FLIGHT: Final = 16
_OWN_NUMBERS: Final = "x-numbers-"
"""These sort behind the pages and the row `wish`, so that no reader of pages meets them."""


class MoveRequestTable:
    """Reader and writer of table `requests`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def save_page(self, run: str, page: RequestPage) -> None:
        """Write a page, unless it exists: beginning the same run again overwrites nothing."""
        if len(page.names) > NAMES_PER_PAGE:
            raise ValueError(f"at most {NAMES_PER_PAGE} names in a page, not {len(page.names)}")
        await self._table.insert(
            {
                "PartitionKey": run,
                "RowKey": f"{page.number:06d}",
                "names": json.dumps(list(page.names), ensure_ascii=False),
                "done": page.done,
                **_own_numbers_of(page),
            }
        )

    async def page(self, run: str, number: int) -> RequestPage | None:
        """Return one page, or None."""
        return await self._table.find(run, f"{number:06d}", _decode)

    async def claim_page(
        self, run: str, number: int, now: datetime, until: datetime
    ) -> RequestPage | None:
        """Return a page that is left to do, ours until then; None: it is done, or there is none.

        BusyError: somebody else is carrying it out. UnreadableRowError: nobody knows who is on it.
        """
        row = await self._table.get(run, f"{number:06d}")
        if row is None:
            return None
        page, claimed = self._table.decode(row, _decode_claimed)
        if page.done:
            return None
        if claimed and claimed > now:
            raise BusyError(f"run {run!r}: page {number} is being carried out")
        row["claimed_until"] = until
        if not await self._table.replace_if_unchanged(row, str(row.metadata["etag"])):
            raise BusyError(f"run {run!r}: page {number} was just begun")
        return page

    async def give_up_page(self, run: str, number: int, until: datetime) -> None:
        """Let anybody carry a page out again, unless somebody else has claimed it by now.

        until: the end of our claim, which tells it from others.
        """
        keys = {"PartitionKey": run, "RowKey": f"{number:06d}"}
        row = await self._table.get(run, keys["RowKey"])
        if row is not None and row.get("claimed_until") == until:
            etag = str(row.metadata["etag"])
            await self._table.merge_if_unchanged({**keys, "claimed_until": _LONG_AGO}, etag)

    async def mark_done(self, run: str, number: int) -> None:
        """Mark the page as done: every user of it has a result."""
        await self._table.update({"PartitionKey": run, "RowKey": f"{number:06d}", "done": True})

    async def mark_mailed(self, run: str, user_id: str) -> bool:
        """Remember that a mail to a user of a run is about to be asked for; False: it was before."""
        row = {"PartitionKey": run, "RowKey": f"{_MAILED}{user_id}"}
        return bool(await self._table.insert(row))

    async def unmark_mailed(self, run: str, user_id: str) -> None:
        """Forget that a mail was about to be asked for: it was not."""
        await self._table.delete(run, f"{_MAILED}{user_id}")

    async def pages(self, run: str) -> AsyncIterator[RequestPage]:
        """Yield the run's pages in order; UnreadableRowError: nobody knows who is on one of them."""
        text = "PartitionKey eq @run and RowKey lt @wish"
        async for row in self._table.query(text, {"run": run, "wish": _WISH}):
            yield self._table.decode(row, _decode)

    async def is_left(self, run: str) -> bool:
        """Return whether a page of the run is not done."""
        rows = self._table.query(
            "PartitionKey eq @run and done eq false", {"run": run}, ["PartitionKey"]
        )
        async for _ in rows:
            return True
        return False

    async def save_request(self, run: str, request: MoveRequest) -> None:
        """Store provider and options of a request; the names are in the pages."""
        options = request.options
        await self._table.replace(
            {
                "PartitionKey": run,
                "RowKey": _WISH,
                "provider": request.provider or "",
                "send_email": options.send_email,
                "service_number": options.service_number or "",
                "toll_free_number": options.toll_free_number or "",
                "expected": -1 if options.expected is None else options.expected,
                "own_numbers": bool(options.own_numbers),
            }
        )

    async def save_own_numbers(self, run: str, numbers: Mapping[str, OwnNumbers]) -> None:
        """Store the numbers of some users (at most 100) by id: whoever is held and released gets them."""
        rows = [
            {
                "PartitionKey": run,
                "RowKey": f"{_OWN_NUMBERS}{user_id}",
                "toll": own.toll or "",
                "toll_free": own.toll_free or "",
            }
            for user_id, own in numbers.items()
        ]
        if not await self._table.transact([Change(Verb.MERGE, row) for row in rows]):
            raise StorageError("write in table requests", "the numbers of a page were not stored")

    async def own_numbers(self, run: str, users: Sequence[str]) -> dict[str, OwnNumbers]:
        """Return the numbers of those of some users who have numbers of their own in a run, by id."""
        keys = (f"{_OWN_NUMBERS}{user}" for user in users)
        finds = (self._table.find(run, key, _decode_own) for key in keys)
        rows = await gather_bounded(finds, _IN_FLIGHT)
        return {user: own for user, own in zip(users, rows, strict=True) if own}

    async def request(self, run: str) -> MoveRequest:
        """Return provider and options of a request."""
        return await self._table.find(run, _WISH, _decode_request) or MoveRequest()

    async def run_of(self, key: str, run: str, asked: str) -> str:
        """Return the run of an idempotency key: `run`, unless it already had one.

        asked: a text that identifies the request. ConflictError: the key was sent with another one.
        """
        row = {"PartitionKey": _KEYS, "RowKey": _digest(key)}
        if await self._table.insert({**row, "run": run, "asked": _digest(asked)}):
            return run
        known = await self._table.find(_KEYS, row["RowKey"], _decode_key)
        if known is None:
            return run
        known_run, known_asked = known
        if known_asked != _digest(asked):
            raise ConflictError(
                "Idempotency-Key: it was sent with another request; each request needs its own"
            )
        return known_run

    async def known_run(self, key: str) -> str | None:
        """Return the run of an idempotency key, if it has one."""
        known = await self._table.find(_KEYS, _digest(key), _decode_key)
        return known[0] if known else None

    async def forget_key(self, key: str) -> None:
        """Let a key be used again, because what it was used for has failed."""
        await self._table.delete(_KEYS, _digest(key))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _decode(row: dict[str, Any]) -> RequestPage:
    names = json_field(row, "names", list)
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a name is not a text")
    known = json_field(row, "own_numbers", dict) if row.get("own_numbers") else {}
    own = {name: OwnNumbers(_number(pair, 0), _number(pair, 1)) for name, pair in known.items()}
    return RequestPage(int(row["RowKey"]), names, field(row, "done", bool), own)


def _own_numbers_of(page: RequestPage) -> dict[str, str]:
    """Return the property with the numbers of single users; none where nobody has any."""
    own = {name: [it.toll, it.toll_free] for name, it in page.own_numbers.items()}
    return {"own_numbers": json.dumps(own, ensure_ascii=False)} if own else {}


def _number(pair: list[Any], at: int) -> str | None:
    number = pair[at]
    if not isinstance(number, str | None):
        raise TypeError("a number is not a text")
    return number


def _decode_own(row: dict[str, Any]) -> OwnNumbers:
    return OwnNumbers(field(row, "toll", str) or None, field(row, "toll_free", str) or None)


def _decode_claimed(row: dict[str, Any]) -> tuple[RequestPage, datetime | None]:
    return _decode(row), field(row, "claimed_until", datetime, None)


def _decode_request(row: dict[str, Any]) -> MoveRequest:
    options = MoveOptions(
        field(row, "send_email", bool),
        field(row, "service_number", str) or None,
        field(row, "toll_free_number", str) or None,
        None if (expected := field(row, "expected", int, -1)) < 0 else expected,
    )
    return MoveRequest(
        provider=field(row, "provider", str) or None,
        options=options,
        has_own_numbers=field(row, "own_numbers", bool, False),
    )


def _decode_key(row: dict[str, Any]) -> tuple[str, str]:
    run = field(row, "run", str)
    if not RUN_ID.fullmatch(run):
        raise ValueError("the run is no id of a run")
    return run, field(row, "asked", str)
