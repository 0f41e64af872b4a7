"""Why: the ticket and the reason that stand at every form that changes something."""

from dataclasses import replace
from typing import Final

from htpy import (
    Element,
    Node,
    div,
    input,  # noqa: A004 - the element's name
    label,
    span,
)

from functions.console.asked import Asked, FieldsError
from functions.console.parts import fault, marks
from shared.domain.pause import RequestedBy
from shared.errors import InputError
from shared.services.admin.reasons import LONGEST_NOTE, LONGEST_TICKET, because

_MOST: Final = {"ticket": LONGEST_TICKET, "note": LONGEST_NOTE}


def given(asked: Asked, **others: str) -> RequestedBy:
    """Return who sent the form, and why. FieldsError: a field is wrong, or one of `others` is.

    others: what is wrong with other fields of the form, by field; "" for nothing.
    """
    faults = {name: wrong for name, wrong in others.items() if wrong}
    for name in _MOST:
        try:
            because(asked.by, **{name: asked.one(name)})
        except InputError as error:
            faults.setdefault(name, f"{error}.")
    if faults:
        raise FieldsError(faults)
    return because(asked.by, asked.one("ticket"), asked.one("note"))


def fields(
    asked: Asked, form: str, *actions: str, note: str = "Reason", needed: bool = False
) -> Element:
    """Return the two fields. form: its name on the page; actions: with which it may have been sent.

    note: what the reason is called; needed: whether it has to be given.
    """
    sent = asked if asked.sent(*(actions or (form,))) else replace(asked, form={}, faults={})
    return div(".reasons")[
        _field(sent, form, "note", note, needed=needed),
        _field(sent, form, "ticket", "Ticket"),
    ]


def _field(asked: Asked, form: str, name: str, text: str, *, needed: bool = False) -> Node:
    prefix = f"{form}-"
    return div[
        label(for_=f"{prefix}{name}")[text, not needed and span(".optional")[" (optional)"]],
        input(
            f"#{prefix}{name}",
            marks(asked, name, prefix),
            name=name,
            value=asked.one(name),
            maxlength=str(_MOST[name]),
            required=needed,
            autocomplete="off",
        ),
        fault(asked, name, prefix),
    ]
