"""Health: what the doctor finds, and what to do about each."""

from typing import TYPE_CHECKING

from htpy import a, p

from functions.console.door import Asked, Page
from functions.console.parts import rows, state
from functions.console.session import BASE
from shared import __version__

if TYPE_CHECKING:
    from shared.bootstrap.services import App


async def show(app: "App", _: Asked) -> Page:
    """Run the doctor and show its findings."""
    found = [finding async for finding in app.doctor.examine()]
    table = rows(
        "Findings",
        ("Part", "State", "What was found", "What to do"),
        ((each.part, state(each.verdict), each.detail, each.to_do) for each in found),
        "The doctor found nothing to examine.",
    )
    again = p[a(".button", href=f"{BASE}/health")["Run the doctor again"]]
    return Page("Health", "health", [p(".note")[f"ACP Mover {__version__}"], table, again])
