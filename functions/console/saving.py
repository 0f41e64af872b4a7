"""What is seen while a user is saved: old numbers saved, Microsoft set, verified."""

from typing import TYPE_CHECKING, Final

from htpy import Element, Node, a, div, li, ol, p

from functions.console.asked import Asked, Page
from functions.console.parts import state
from functions.console.session import BASE
from shared.domain.outcome import UserResult
from shared.domain.run import Run, RunState

if TYPE_CHECKING:
    from shared.bootstrap.services import App

REFRESH: Final = 2
"""Seconds until the page asks again."""

_NOTHING_FOLLOWS: Final = frozenset(
    {RunState.FINISHED, RunState.FAILED, RunState.CANCELLED, RunState.HELD, RunState.INTERRUPTED}
)
"""States in which a run has no result of its user and will not soon have one."""


async def progress(app: "App", asked: Asked) -> Page:
    """Show how far the saving is."""
    part = await steps(app, asked.parts[1], asked.query.get("run", ""))
    return Page("", "users", part, part=True)


async def steps(app: "App", user: str, run_id: str) -> Element:
    """Return how far the run of this one user is: saved, set, verified."""
    run = await app.run_history.run(run_id)
    results = [each async for each in app.adapters.runs.results(run.id, at_most=1)]
    done = bool(results) or run.state in _NOTHING_FOLLOWS
    again = {
        "hx-get": f"{BASE}/users/{user}/progress?run={run.id}",
        "hx-trigger": f"every {REFRESH}s",
        "hx-swap": "outerHTML",
    }
    saved = bool(await app.adapters.replaced.of(user))
    moved = bool(results) and results[0].outcome == "moved"
    return div("#progress", {} if done else again, role="status")[
        ol(".steps")[
            li(class_="done" if saved else None)[
                "Old numbers saved" if saved else "Nothing to save"
            ],
            li(class_="done" if moved else None)["Microsoft set"],
            li(class_="done" if moved and done else None)["Verified"],
        ],
        p[_end_of(run, results)] if done else p["Working ..."],
        done and p[a(href=f"{BASE}/users/{user}")["Show the user as it is now"]],
    ]


def _end_of(run: Run, results: list[UserResult]) -> Node:
    if not results:
        return [state(run.state), " ", run.reason]
    return [state(results[0].outcome), " ", results[0].reason]
