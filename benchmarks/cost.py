"""Monthly cost: the formula of docs/cost.md, and the table that `make docs` writes there.

The app's usage comes from the figures in docs/performance.md and from the schedules in
shared/settings/settings.py; tenant behavior and Azure prices are assumptions, with their source.
`python -m benchmarks.cost --memory 0.5 --churn 0.05` prints the table for other assumptions.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID

from benchmarks import storage
from benchmarks.figures import ROOT, Figure
from local.host.ncrontab import Schedule
from shared.settings.settings import Settings

_ANY_APP: Final = {"ACP_TENANT_ID": str(UUID(int=0)), "AzureWebJobsStorage": "AccountName=any"}
SIZES: Final = (1_000, 50_000, 500_000)
_TARGET_SIZE: Final = 50_000
DAYS: Final = 30
_SECONDS: Final = DAYS * 86_400


@dataclass(frozen=True)
class Assumptions:
    """Assumed behavior of a tenant and its services; not measured.

    churn: share of the users whose licenses change in a month. looks: attempts per such user:
    notification, delta, a second attempt. moved: share of the users moved in the month.
    teams_seconds: one call to Teams. page_seconds: one page of 1,000 users. record_kb: one line in
    Log Analytics with its columns. memory: GB of an instance.
    """

    churn: float = 0.03
    looks: float = 3
    moved: float = 0.01
    teams_seconds: float = 0.5
    page_seconds: float = 2.0
    record_kb: float = 1.0
    memory: float = 2.0


@dataclass(frozen=True)
class Prices:
    """US dollars. Sources and dates are in docs/cost.md."""

    gb_second: float = 0.000026
    million_executions: float = 0.40
    ten_thousand_requests: float = 0.004
    log_gb: float = 2.30
    always_ready_gb_second: float = 0.000004
    private_endpoint_hour: float = 0.01
    private_zone: float = 0.50


@dataclass(frozen=True)
class Month:
    """Usage of a tenant of `users` in a month, and its cost."""

    users: int
    executions: float
    gb_seconds: float
    storage_requests: float
    log_gb: float
    price: Prices

    @property
    def parts(self) -> dict[str, float]:
        """Dollars by part, before any free grant."""
        return {
            "executions": self.executions / 1e6 * self.price.million_executions,
            "GB-seconds": self.gb_seconds * self.price.gb_second,
            "storage requests": self.storage_requests / 1e4 * self.price.ten_thousand_requests,
            "log": self.log_gb * self.price.log_gb,
        }


def figure(section: str, row: str, column: int = 1) -> float:
    """Read the first number of a cell of docs/performance.md. KeyError: there is no such row."""
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    part = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    for line in (part[1] if part else "").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == row and (number := re.search(r"[\d,]*\.?\d+", cells[column])):
            return float(number[0].replace(",", ""))
    raise KeyError(f"docs/performance.md, {section}: no figure {row!r}")


@dataclass(frozen=True)
class Usage:
    """What the app uses, measured: see the benchmarks `storage` and `moves`.

    idle, idle_lines: storage requests and log lines per minute. sweep: requests per 1,000 users. move,
    move_lines, calls: requests, log lines and calls to Teams per attempt.
    """

    idle: float
    sweep: float
    move: float
    idle_lines: float
    move_lines: float
    calls: float


def documented() -> Usage:
    """Return the figures of docs/performance.md."""
    return Usage(
        idle=figure("storage", "idle"),
        sweep=figure("storage", "next sweep"),
        move=figure("storage", "moves"),
        idle_lines=figure("storage", "log while idle"),
        move_lines=figure("storage", "log of moves"),
        calls=figure("moves", "requests to Teams"),
    )


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield a month's cost of 50,000 users from the storage requests and log lines of this run."""
    measured = list(storage.run(quick=quick))
    yield from measured
    seen = {figure.what: figure.value for figure in measured}
    usage = replace(
        documented(),
        idle=seen["idle"],
        sweep=seen["next sweep"],
        move=seen["moves"],
        idle_lines=seen["log while idle"],
        move_lines=seen["log of moves"],
    )
    for memory, most in ((2.0, 5.0), (0.5, 3.5)):
        cost = month(_TARGET_SIZE, Assumptions(memory=memory), Prices(), usage)
        note = ", ".join(f"{name} {dollars:.2f}" for name, dollars in cost.parts.items())
        what = f"a month, {_TARGET_SIZE:,} users, {memory * 1024:,.0f} MB"
        yield Figure(what, sum(cost.parts.values()), "USD", most, note)


@cache
def timer_runs() -> float:
    """How often all timer functions together run in a month, by the default schedules."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").glob("*.py"))
    timers = Counter(re.findall(r"timer_trigger\(.*schedule=SETTINGS\.(\w+)", code))
    settings = Settings.from_environment(_ANY_APP)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    runs = 0
    for name, functions in timers.items():
        schedule = Schedule.parse(getattr(settings, name))
        moment, end, count = start, start + timedelta(days=1), 0
        while (moment := schedule.next_after(moment)) <= end:
            count += 1
        runs += functions * count
    return runs * DAYS


def month(users: int, assumed: Assumptions, price: Prices, usage: Usage | None = None) -> Month:
    """Compute a month; docs/cost.md has the formula in words. usage: by default the documented one."""
    usage = usage or documented()
    notified = users * assumed.churn
    looks = notified * assumed.looks + users * assumed.moved
    look_seconds = usage.calls * assumed.teams_seconds
    timers = timer_runs()
    pages = users / 1000
    # Each execution is billed for at least a second; a message of one user is one execution.
    seconds = (
        timers + notified + looks * max(1.0, look_seconds) + DAYS * pages * assumed.page_seconds
    )
    requests = usage.idle * _SECONDS / 60 + DAYS * pages * usage.sweep + looks * usage.move
    lines = usage.idle_lines * _SECONDS / 60
    lines += looks * usage.move_lines + 2 * (timers + notified + looks)
    return Month(
        users,
        executions=timers + notified + looks,
        gb_seconds=seconds * assumed.memory,
        storage_requests=requests,
        log_gb=lines * assumed.record_kb / 1e6,
        price=price,
    )


def table(assumed: Assumptions | None = None, price: Prices | None = None) -> str:
    """Return the table of docs/cost.md (Markdown)."""
    assumed, price = assumed or Assumptions(), price or Prices()
    months = [month(users, assumed, price) for users in SIZES]
    rows = [
        ("executions", [f"{one.executions:,.0f}" for one in months]),
        ("GB-seconds", [f"{one.gb_seconds:,.0f}" for one in months]),
        ("storage requests", [f"{one.storage_requests:,.0f}" for one in months]),
        ("log, GB", [f"{one.log_gb:,.2f}" for one in months]),
        *(
            (f"{name}, $", [f"{one.parts[name]:,.2f}" for one in months])
            for name in months[0].parts
        ),
        ("**total, $**", [f"**{sum(one.parts.values()):,.2f}**" for one in months]),
    ]
    lines = [
        "| per month | " + " | ".join(f"{one.users:,} users" for one in months) + " |",
        "|---|" + "---:|" * len(SIZES),
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
    ]
    return "\n".join([*lines, "", _options(assumed, price)])


def _options(assumed: Assumptions, price: Prices) -> str:
    ready = assumed.memory * _SECONDS * price.always_ready_gb_second
    network = 3 * (price.private_endpoint_hour * DAYS * 24 + price.private_zone)
    return "\n".join(
        [
            "| option, for any tenant size | $ per month |",
            "|---|---:|",
            f"| one always-ready instance for HTTP (`HTTP_ALWAYS_READY=1`) | {ready:,.2f} |",
            f"| virtual network: 3 private endpoints, 3 DNS zones (`VNET_ENABLED=true`) | {network:,.2f} |",
        ]
    )


def main() -> None:
    """Print the table, with the assumptions of the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    default = Assumptions()
    for name in vars(default):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=vars(default)[name])
    print(table(replace(default, **vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
