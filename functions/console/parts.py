"""Parts that several pages show: states, tables, times, forms.

A state is a sign and a word, never color alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Final

from htpy import (
    Element,
    Node,
    VoidElement,
    a,
    caption,
    div,
    input,  # noqa: A004 - the element's name
    p,
    span,
    table,
    tbody,
    td,
    th,
    thead,
    time,
    tr,
)

from functions.console.asked import Asked
from functions.console.session import BASE
from shared.domain.outcome import Outcome
from shared.domain.roster import Standing
from shared.text import relative

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    Standing.ON_MICROSOFT: ("good", "On Microsoft"),
    Standing.READY: ("todo", "Ready to be moved"),
    Standing.WAITING: ("wait", "Waiting"),
    Standing.ATTENTION: ("bad", "Needs attention"),
    Standing.EXCLUDED: ("off", "Excluded"),
    Standing.UNLICENSED: ("off", "Not licensed"),
    Outcome.MOVED: ("good", "Moved"),
    Outcome.ALREADY_MICROSOFT: ("good", "Already on Microsoft"),
    Outcome.NOT_FOUND: ("bad", "Not found"),
    Outcome.FAILED: ("bad", "Failed"),
    Outcome.BRIDGE_CHANGED: ("good", "Number changed"),
    Outcome.WOULD_MOVE: ("todo", "Would be moved"),
    Outcome.WOULD_CHANGE_BRIDGE: ("todo", "Number would be changed"),
    Outcome.CANCELLED: ("off", "Cancelled"),
    "running": ("wait", "Running"),
    "interrupted": ("wait", "Interrupted"),
    "held": ("bad", "Held"),
    "released": ("wait", "Released"),
    "moving": ("wait", "Moving users"),
    "finished": ("good", "Finished"),
    "ok": ("good", "OK"),
    "warning": ("todo", "Warning"),
}
"""By state: which sign and color, and the word."""

NOBODY: Final = "Nobody is selected: select whom it is about, then press the button again."
"""What a form says that is about selected users, when there are none."""

_SIGNS: Final = {"good": "ok", "todo": ">", "wait": "...", "bad": "!", "off": "-"}


def state(name: str) -> Element:
    """Return a state: its sign, and its word."""
    kind, word = WORDS.get(name, ("off", name.replace("_", " ").capitalize()))
    return span(f".state.{kind}")[span(".icon", aria_hidden="true")[_SIGNS[kind]], word]


def moment(at: datetime | None, now: datetime) -> Node:
    """Return a time as people say it, with the exact one on hover (UTC)."""
    if at is None:
        return "never"
    exact = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return time(datetime=at.astimezone(UTC).isoformat(timespec="seconds"), title=exact)[
        relative((now - at).total_seconds())
    ]


def user_link(user_id: str, name: str) -> Element:
    """Return the link to a user's page, by name or address if there is one."""
    return a(href=f"{BASE}/users/{user_id}")[name or user_id]


def rows(name: str, columns: Sequence[str], lines: Iterable[Sequence[Node]], empty: str) -> Element:
    """Return a table, or the sentence `empty` when it has no line."""
    made = list(lines)
    if not made:
        return p(".empty")[empty]
    return div(".scroll", tabindex="0", role="region", aria_label=name)[
        table[
            caption(".hidden")[name],
            thead[tr[(th(scope="col")[column] for column in columns)]],
            tbody[(tr[(td[cell] for cell in line)] for line in made)],
        ]
    ]


def once() -> VoidElement:
    """Return the hidden field that makes a double click one action."""
    return input(type="hidden", name="key", value=token_urlsafe(16))


def fault(asked: Asked, name: str, form: str = "") -> Node:
    """Return what is wrong with a field, to stand next to it."""
    if name not in asked.faults:
        return None
    return p(f"#{form}{name}-fault.fault", role="alert")[asked.faults[name]]


def marks(asked: Asked, name: str, form: str = "") -> Mapping[str, str]:
    """Return the attributes that tie a field to what is wrong with it."""
    if name not in asked.faults:
        return {}
    return {"aria-invalid": "true", "aria-describedby": f"{form}{name}-fault"}


def box(asked: Asked, user_id: str, name: str, *, chosen: bool = False) -> VoidElement:
    """Return the check box of a user; what was chosen before stays chosen."""
    return input(
        type="checkbox",
        name="user",
        value=user_id,
        checked=chosen or user_id in asked.form.get("user", ()),
        aria_label=f"Select {name}",
    )
