"""Overview: how many are left, what waits for a person, and how the last month went."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from htpy import (
    Element,
    Node,
    a,
    button,
    dd,
    details,
    div,
    dl,
    dt,
    form,
    h2,
    input,  # noqa: A004 - the element's name
    label,
    li,
    p,
    section,
    span,
    strong,
    summary,
    ul,
)

from functions.console.asked import Asked, Page
from functions.console.chart import bars
from functions.console.parts import fault, marks, moment, rows
from functions.console.pausing import paused
from functions.console.session import BASE
from shared.domain.license_age import spoken
from shared.domain.roster import RosterDay, Standing, license_ages
from shared.domain.run import Run, RunState, Signal
from shared.domain.schedule import Schedule
from shared.text import counted

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_DAYS: Final = 30
_FIGURES: Final = (
    (Standing.ON_MICROSOFT, "On Microsoft"),
    (Standing.READY, "Ready"),
    (Standing.WAITING, "Waiting"),
    (Standing.ATTENTION, "Needs attention"),
    (Standing.HELD, "Held"),
    (Standing.EXCLUDED, "Excluded"),
)
_RUNS: Final = 50
"""Among so many last runs the last sweep is looked for, and those that hold users."""
_HELD: Final = 3
_AHEAD: Final = timedelta(days=8)
"""How far the next sweep is looked for."""


async def show(app: "App", asked: Asked) -> Page:
    """Show the banner, the figures, the app's state, and the last 30 days."""
    to, now = app.adapters, app.adapters.clock.now()
    (counts, days), runs, pause, delta_at = await asyncio.gather(
        to.roster.figures((now - timedelta(days=_DAYS)).date()),
        to.runs.newest(now, _RUNS),
        app.pauses.current(),
        to.state.delta_at(),
    )
    sweep = next((run for run in runs if run.cause is Signal.SWEEP), None)
    held = [run for run in runs if run.state is RunState.HELD]
    sweeps = Schedule.parse(app.settings.sweep_schedule)
    ahead = next(sweeps.moments(now, now + _AHEAD), None)
    name = asked.query.get("name", "") if "name" in asked.faults else ""
    content = [
        _banner(counts),
        _held_banner(held, counts[Standing.HELD]),
        section(".figures", aria_label="Users by list")[
            (
                a(href=f"{BASE}/users?list={standing}")[strong[f"{figure:,}"], span[word]]
                for standing, word, figure in _figures(counts)
            )
        ],
        form(".filter", method="get", action=f"{BASE}/user", role="search")[
            div[
                label(for_="name")["Find a user"],
                input(
                    "#name",
                    marks(asked, "name"),
                    type="search",
                    name="name",
                    value=name,
                    required=True,
                    autocomplete="off",
                ),
                fault(asked, "name"),
            ],
            button(type="submit")["Open"],
        ],
        section[
            h2["This app"],
            paused(pause, asked, now),
            dl(".facts")[
                _fact("Mode", "moves users" if app.settings.mode == "move" else "only reports"),
                _fact("Last sweep", moment(sweep.started_at if sweep else None, now)),
                _fact("Next sweep", moment(ahead, now) if ahead else "not within a week"),
                _fact("Change feed read", moment(delta_at, now)),
                _fact("From license to Microsoft", _license_age(days, now.date())),
            ],
        ],
        _charts(days, now.date()),
    ]
    return Page("Overview", "", content)


def _license_age(days: list[RosterDay], today: date) -> str:
    """Say how long the users of the last week waited whom a new license moved."""
    ages = license_ages(days, today)
    if ages is None:
        return "nobody was moved for a new license within a week"
    half, most = (spoken(round(each.total_seconds())) for each in (ages.p50, ages.p99))
    return f"half within {half}, 99 % within {most}"


def _figures(counts: Mapping[str, int]) -> Iterator[tuple[Standing, str, int]]:
    """Yield each list, its name and its figure; who is held is ready, too."""
    for standing, word in _FIGURES:
        more = counts[Standing.HELD] if standing is Standing.READY else 0
        yield standing, word, counts[standing] + more


def _held_banner(held: list[Run], users: int) -> Node:
    if not held:
        return None
    return div(".banner.todo")[
        (
            p[
                a(href=f"{BASE}/runs/{run.id}")[f"Run {run.id} holds users"],
                f": {run.reason}. They wait for your decision.",
            ]
            for run in held[:_HELD]
        ),
        len(held) > _HELD
        and p[
            f"{counted(users, 'user')} of {len(held)} runs: ", a(href=f"{BASE}/runs")["all runs"]
        ],
    ]


def _banner(counts: Mapping[str, int]) -> Element:
    ready = counts[Standing.READY] + counts[Standing.HELD]  # who is held is ready, too
    left = ready + counts[Standing.WAITING] + counts[Standing.ATTENTION]
    everybody = left + counts[Standing.ON_MICROSOFT]
    if not everybody:
        return div(".banner", role="status")[
            p[
                "No user is known yet: the first sweep finds them. Run it now with ",
                strong["acp sweep"],
                ".",
            ]
        ]
    if not left:
        return div(".banner.good", role="status")[
            p[f"All {counted(everybody, 'licensed user')} are on Microsoft."]
        ]
    return div(".banner.todo", role="status")[
        p[
            f"{counted(left, 'user')} {'has' if left == 1 else 'have'} an Audio Conferencing license "
            "assigned but ",
            f"{'does' if left == 1 else 'do'} not have Microsoft set as audio conferencing provider yet. ",
            ready and a(href=f"{BASE}/users?list=ready&all=yes")["Click here to move them"],
        ]
    ]


def _charts(days: list[RosterDay], today: date) -> Element:
    if not days:
        return section[h2["The last 30 days"], p(".empty")["Nothing has changed yet."]]
    ready, moved = every_day(days, today)
    lines = [
        (
            f"{day.day}",
            f"{day.counts.get('ready', 0) + day.counts.get('held', 0):,}",
            f"{sum(day.moved.values()):,}",
            ", ".join(f"{_signal(name)} {n:,}" for name, n in sorted(day.moved.items())),
        )
        for day in reversed(days)
    ]
    totals = Counter[str]()
    for day in days:
        totals.update(day.moved)
    return section[
        h2["The last 30 days"],
        div(".charts")[
            div[
                p["Ready to be moved"],
                bars("Ready to be moved, by day", ready),
                _axis(ready),
            ],
            div[
                p["Moved, by what led to it"],
                _moved(moved, totals) if totals else p(".empty")["Nobody was moved in this time."],
            ],
        ],
        details[
            summary["The same as numbers"],
            rows("The last 30 days", ("Day (UTC)", "Ready", "Moved", "By"), lines, ""),
        ],
    ]


def _moved(days: Sequence[tuple[str, Mapping[str, int]]], totals: Counter[str]) -> Node:
    kinds = [name for name, _ in totals.most_common()]
    return [
        bars("Users moved, by day and by what led to it", days, kinds),
        _axis(days),
        ul(".legend")[
            (
                li[
                    span(f".swatch.part{at}", aria_hidden="true"),
                    f"{_signal(name)} {totals[name]:,}",
                ]
                for at, name in enumerate(kinds)
            )
        ],
    ]


def _axis(days: Sequence[tuple[str, Mapping[str, int]]]) -> Element:
    """Return what a chart spans, and its highest bar."""
    top = max(sum(values.values()) for _, values in days)
    return p(".axis")[span[days[0][0]], span[f"highest: {top:,}"], span["today"]]


def _signal(name: str) -> str:
    return name.replace("_", " ")


def every_day(
    days: list[RosterDay], today: date
) -> tuple[list[tuple[str, Mapping[str, int]]], list[tuple[str, Mapping[str, int]]]]:
    """Return users ready, and users moved by signal, for each of the last days, unchanged ones included."""
    known = {day.day: day for day in days}
    ready: list[tuple[str, Mapping[str, int]]] = []
    moved: list[tuple[str, Mapping[str, int]]] = []
    count_before = 0
    for back in range(_DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        found = known.get(day)
        if found:
            count_before = found.counts.get("ready", 0) + found.counts.get("held", 0)
        ready.append((f"{day}", {"ready": count_before}))
        moved.append((f"{day}", found.moved if found else {}))
    return ready, moved


def _fact(name: str, value: Node) -> list[Element]:
    return [dt[name], dd[value]]
