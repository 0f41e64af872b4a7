"""Overview: how many are left, what waits for a person, and how the last month went."""

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from htpy import (
    Element,
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
    p,
    section,
    span,
    strong,
    summary,
)

from functions.console.chart import bars
from functions.console.door import Asked, Page
from functions.console.held import paused
from functions.console.parts import count, moment, rows
from functions.console.session import BASE
from shared.domain.license_age import LicenseAges, spoken
from shared.domain.roster import RosterDay, Standing
from shared.domain.run import Run, RunState, Signal

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_DAYS: Final = 30
_FIGURES: Final = (
    (Standing.ON_MICROSOFT, "On Microsoft"),
    (Standing.READY, "Ready"),
    (Standing.WAITING, "Waiting"),
    (Standing.ATTENTION, "Needs attention"),
    (Standing.EXCLUDED, "Excluded"),
)


async def show(app: "App", asked: Asked) -> Page:
    """Show the banner, the figures, the app's state, and the last 30 days."""
    to, now = app.adapters, app.adapters.clock.now()
    counts, days = await to.roster.figures((now - timedelta(days=_DAYS)).date())
    counts[Standing.READY] += counts[Standing.HELD]  # who is held is ready, and waits for a person
    runs = [run async for run in app.run_history.runs(2)]
    sweep = next((run for run in runs if run.cause is Signal.SWEEP), None)
    held = [run for run in runs if run.state is RunState.HELD]
    content = [
        _banner(counts),
        _held_banner(held) if held else None,
        section(".figures", aria_label="Users by list")[
            (
                a(href=f"{BASE}/users?list={standing}")[strong[f"{counts[standing]:,}"], span[word]]
                for standing, word in _FIGURES
            )
        ],
        form(".filter", method="get", action=f"{BASE}/user", role="search")[
            label(for_="name")["Find a user"],
            input("#name", type="search", name="name", required=True, autocomplete="off"),
            button(type="submit")["Open"],
        ],
        section[
            h2["This app"],
            paused(await app.pauses.current(), asked, now),
            dl(".facts")[
                _fact("Mode", "moves users" if app.settings.mode == "move" else "only reports"),
                dt["Last sweep"],
                dd[moment(sweep.started_at if sweep else None, now)],
                dt["Change feed read"],
                dd[moment(await to.state.delta_at(), now)],
                dt["From license to Microsoft"],
                dd[_license_age(days, now.date())],
            ],
        ],
        _charts(days, now.date()),
    ]
    return Page("Overview", "", content)


def _license_age(days: list[RosterDay], today: date) -> str:
    """Say how long the users of the last week waited whom a new license moved."""
    week = (day.ages for day in days if day.day > today - timedelta(days=7))
    ages = LicenseAges.of(sum(map(Counter, week), Counter()))
    if ages is None:
        return "nobody was moved for a new license within a week"
    half, most = (spoken(round(each.total_seconds())) for each in (ages.p50, ages.p99))
    return f"half within {half}, 99 % within {most}"


def _held_banner(held: list[Run]) -> Element:
    return div(".banner.todo")[
        (
            p[
                a(href=f"{BASE}/runs/{run.id}")[f"Run {run.id} holds users"],
                f": {run.reason}. They wait for your decision.",
            ]
            for run in held
        )
    ]


def _banner(counts: dict[str, int]) -> Element:
    left = counts[Standing.READY] + counts[Standing.WAITING] + counts[Standing.ATTENTION]
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
            p[f"All {count(everybody, 'licensed user')} are on Microsoft."]
        ]
    return div(".banner.todo", role="status")[
        p[
            f"{count(left, 'user')} {'has' if left == 1 else 'have'} an Audio Conferencing license assigned "
            "but ",
            f"{'does' if left == 1 else 'do'} not have Microsoft set as audio conferencing provider yet. ",
            counts[Standing.READY]
            and a(href=f"{BASE}/users?list=ready&all=yes")["Click here to move them"],
        ]
    ]


def _charts(days: list[RosterDay], today: date) -> Element:
    if not days:
        return section[h2["The last 30 days"], p(".empty")["Nothing has changed yet."]]
    ready, moved = every_day(days, today)
    lines = [
        (
            f"{day.day}",
            f"{day.counts.get('ready', 0):,}",
            f"{sum(day.moved.values()):,}",
            ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in sorted(day.moved.items())),
        )
        for day in reversed(days)
    ]
    return section[
        h2["The last 30 days"],
        div(".charts")[
            div[p["Ready to be moved"], bars("Ready to be moved, by day", ready)],
            div[p["Moved"], bars("Users moved, by day", moved)],
        ],
        details[
            summary["The same as numbers"],
            rows("The last 30 days", ("Day (UTC)", "Ready", "Moved", "By"), lines, ""),
        ],
    ]


def every_day(
    days: list[RosterDay], today: date
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return users ready and users moved for each of the last days, those without a change included."""
    known = {day.day: day for day in days}
    ready: list[tuple[str, int]] = []
    moved: list[tuple[str, int]] = []
    for back in range(_DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        found = known.get(day)
        before = ready[-1][1] if ready else 0
        ready.append((f"{day}", found.counts.get("ready", 0) if found else before))
        moved.append((f"{day}", sum(found.moved.values()) if found else 0))
    return ready, moved


def _fact(name: str, value: str) -> list[Element]:
    return [dt[name], dd[value]]
