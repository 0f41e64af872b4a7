"""A user's history on the user's page: what happened, what was before and after, who asked for it and why."""

from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from htpy import Element, Node, a, h2, p, section

from functions.console.parts import moment, rows
from functions.console.session import BASE
from shared.domain.history import DialIn, HistoryRecord

if TYPE_CHECKING:
    from shared.bootstrap.services import App

_SHOWN: Final = 20
_COLUMNS: Final = ("When", "What", "Before", "After", "By", "Why")


async def happened(app: "App", user_id: str, after: str, now: datetime) -> Element:
    """Return the history of a user, the newest first. after: where this page of it begins."""
    page = await app.user_history.read(user_id, _SHOWN, after)
    older = f"{BASE}/users/{user_id}?{urlencode({'after': page.more or ''})}#history"
    return section("#history")[
        h2["History"],
        rows(
            "History",
            _COLUMNS,
            (_line(record, now) for record in page.records),
            "Nothing has happened to this user so far.",
        ),
        page.more and p(".pager")[a(href=older)["Older"]],
    ]


def _line(record: HistoryRecord, now: datetime) -> tuple[Node, ...]:
    run = record.run and a(href=f"{BASE}/runs/{record.run}")[record.run]
    why = ": ".join(text for text in (record.ticket, record.note) if text)
    return (
        moment(record.at, now),
        str(record.what).replace("_", " ").capitalize(),
        _dial_in(record.before),
        _dial_in(record.after),
        record.by or record.signal.replace("_", " "),
        [why, " " if why and run else "", run or "", " " if record.reason else "", record.reason],
    )


def _dial_in(details: DialIn | None) -> str:
    """Return dial-in details in a line; the conference ID is masked."""
    if details is None:
        return ""
    conference_id = details.conference_id and f"conference ID {details.conference_id}"
    texts = (details.provider, details.toll_number, details.toll_free_number, conference_id)
    return ", ".join(text for text in texts if text) or "no provider"
