"""Two programs that send one request with one Idempotency-Key, each until it is accepted."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

_GIVE_UP_AFTER: Final = 400.0
_PAUSE: Final = 1.0


@dataclass(frozen=True)
class Requested:
    """A request, and the runs that its callers were told; a caller who gave up was told none."""

    key: str
    users: frozenset[str]
    runs: tuple[str, ...]


class Callers:
    """Sends requests in the background. Context manager; at its end all are answered."""

    def __init__(self, app: str) -> None:
        self._http = httpx.Client(base_url=app, timeout=15, trust_env=False)
        self._pool = ThreadPoolExecutor(16)
        self._asked: list[tuple[str, Sequence[str], list[Future[str]]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._http.close()

    def ask(self, key: str, users: Sequence[str]) -> None:
        """Let two callers request these users, with mails."""
        self._asked.append((key, users, [self._pool.submit(self._ask, key, users) for _ in "ab"]))

    def answers(self) -> list[Requested]:
        """Wait until all are answered; return what they were told."""
        return [
            Requested(key, frozenset(users), tuple(done.result() for done in told))
            for key, users, told in self._asked
        ]

    def _ask(self, key: str, users: Sequence[str]) -> str:
        give_up = time.monotonic() + _GIVE_UP_AFTER
        body = {"users": list(users), "send_email": True}
        while time.monotonic() < give_up:
            try:
                answer = self._http.post("/api/moves", json=body, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                time.sleep(_PAUSE)
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                return answer.headers["Location"].rpartition("/")[2]
            assert answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or (
                answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            ), f"POST /api/moves: {answer.status_code} {answer.text}"
            time.sleep(_PAUSE)
        return ""


def requested_broken(
    requested: Iterable[Requested],
    runs: Iterable[dict[str, Any]],
    results: Iterable[dict[str, Any]],
) -> Iterator[tuple[str, str]]:
    """Rules 4 and 14: one key is one run; it ended, and each of its users has one result in it."""
    rows = {row["RowKey"]: row for row in runs}
    found: dict[str, set[str]] = {}
    for row in results:
        found.setdefault(row["PartitionKey"], set()).add(row["RowKey"])
    for each in requested:
        told = set(each.runs)
        if len(told) != 1 or "" in told:
            yield "one run per key", f"key {each.key}: {sorted(told)}"
            continue
        (run,) = told
        users = found.get(run, set())
        if users != each.users:
            missing, other = len(each.users - users), len(users - each.users)
            yield "one result each", f"run {run}: {missing} users without, {other} not requested"
        if (state := rows.get(run, {}).get("state")) != "finished":
            yield "requests end", f"run {run} is {state}"
