"""Why somebody asks for something: a ticket and a note, as they are kept and shown."""

from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.domain.pause import RequestedBy
from shared.errors import InputError
from shared.services.ports import State
from shared.text import harmless

LONGEST_TICKET: Final = 100
LONGEST_NOTE: Final = 500


def because(by: RequestedBy, ticket: str | None = None, note: str | None = None) -> RequestedBy:
    """Return who asks, with the reason; InputError: ticket or note is too long or steers a terminal."""
    return replace(
        by,
        ticket=_line("ticket", ticket or "", LONGEST_TICKET),
        note=_line("note", note or "", LONGEST_NOTE),
    )


async def record_action(
    state: State, clock: Clock, what: str, by: RequestedBy, detail: str
) -> None:
    """Record what a person did, and why; detail names nobody."""
    said = "; ".join(text for text in (detail, by.why) if text)
    await state.add_action(what, str(by), said, clock.now())


def _line(field: str, text: str, most: int) -> str:
    """Return a text in one line."""
    line = " ".join(text.split())
    if len(line) > most:
        raise InputError(f"{field}: it has {len(line)} characters; at most {most} are taken")
    if harmless(line) != line:
        raise InputError(f"{field} {harmless(line)!r}: it has characters that cannot be shown")
    return line
