"""Health: what the doctor finds, what the service is able to do, and the settings without secrets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from htpy import Node, a, code, dd, dl, dt, h2, p

from functions.console.asked import Asked, Page
from functions.console.parts import rows, state
from functions.console.session import BASE
from shared import __version__

if TYPE_CHECKING:
    from shared.bootstrap.services import App
    from shared.settings.settings import Settings

_HERE: Final = {
    "held users": ("/users?list=held", "release or discard them"),
    "waiting users": ("/attention", "see who needs attention"),
    "pause": ("", "resume on the overview"),
}
"""By part of the doctor's findings: the page of this console that cures it."""
_PREFIX: Final = "ACP_"
"""Settings of this name are no secrets; a connection string has another (docs/settings.md)."""


async def show(app: "App", _: Asked) -> Page:
    """Run the doctor and show its findings."""
    found = [finding async for finding in app.doctor.examine()]
    table = rows(
        "Findings",
        ("Part", "State", "What was found", "What to do"),
        (
            (
                each.part,
                state(each.verdict),
                each.detail,
                each.to_do and here(each.part, each.to_do),
            )
            for each in found
        ),
        "The doctor found nothing to examine.",
    )
    content = [
        p(".note")[f"ACP Mover {__version__}"],
        table,
        p[a(".button", href=f"{BASE}/health")["Run the doctor again"]],
        h2["What the service is able to do"],
        _facts(await app.capabilities.shown()),
        h2["Settings"],
        rows(
            "Settings",
            ("Name", "Value"),
            ((code[name], value) for name, value in shown_settings(app.settings).items()),
            "",
        ),
    ]
    return Page("Health", "health", content)


def here(part: str, to_do: str) -> Node:
    """Return what to do about a finding; what this console does is not told as a command."""
    if part not in _HERE:
        return to_do
    path, text = _HERE[part]
    return a(href=f"{BASE}{path}")[text]


def shown_settings(settings: "Settings") -> Mapping[str, str]:
    """Return each setting that holds no secret, as it is in force."""
    values = settings.model_dump(mode="json", by_alias=True, warnings=False)
    return {
        name: "not set" if value in (None, "", []) else str(value)
        for name, value in values.items()
        if name.startswith(_PREFIX)
    }


def _facts(facts: Mapping[str, str]) -> Node:
    return dl(".facts")[((dt[name], dd[value]) for name, value in facts.items())]
