"""The frame of every page: head, navigation, notices. htpy escapes whatever stands in a text."""

from typing import Final

from htpy import (
    Element,
    Node,
    a,
    body,
    div,
    h1,
    head,
    header,
    html,
    link,
    main,
    meta,
    nav,
    noscript,
    p,
    script,
    span,
    title,
)

from functions.console.session import BASE, Person
from shared import __version__
from shared.errors import AcpError, StorageError

_ITEMS: Final = (
    ("", "Overview"),
    ("users", "Users"),
    ("runs", "Runs"),
    ("attention", "Needs attention"),
    ("health", "Health"),
)
_STATIC: Final = f"{BASE}/static"


def document(
    name: str, item: str, content: Node, refresh: int | None = None, person: Person | None = None
) -> Element:
    """Return a whole page. refresh: seconds after which a browser without JavaScript asks again."""
    again = refresh and noscript[meta(http_equiv="refresh", content=str(refresh))]
    return html(lang="en")[
        head[
            meta(charset="utf-8"),
            meta(name="viewport", content="width=device-width, initial-scale=1"),
            meta(name="color-scheme", content="light dark"),
            meta(name="htmx-config", content='{"includeIndicatorCSS": false}'),
            again,
            title[f"{name} - ACP Mover"],
            link(rel="stylesheet", href=f"{_STATIC}/console.css?v={__version__}"),
            link(rel="icon", href=f"{_STATIC}/icon.svg"),
            script(src=f"{_STATIC}/htmx.min.js?v={__version__}", defer=True),
            script(src=f"{_STATIC}/times.js?v={__version__}", defer=True),
        ],
        body[
            a(".skip", href="#main")["Skip to the content"],
            header(".top")[
                a(".brand", href=BASE)["ACP Mover"],
                nav(aria_label="Pages")[
                    (
                        a(
                            href=f"{BASE}/{path}".rstrip("/"),
                            aria_current="page" if path == item else None,
                        )[text]
                        for path, text in _ITEMS
                    )
                ],
                _who(person),
            ],
            main("#main", tabindex="-1")[h1[name], content],
        ],
    ]


def notice(heading: str, text: str, sign_in: str | None = None) -> Element:
    """Return what a page says when something was refused or did not work. sign_in: where to sign in."""
    return div(".banner.bad", role="alert")[
        p[span(".icon", aria_hidden="true")["!"], span[f"{heading}: {text}"]],
        p[
            a(".button.primary", href=sign_in)["Sign in again"]
            if sign_in
            else a(href=BASE)["Back to the overview"]
        ],
    ]


def refused(error: AcpError) -> Element:
    """Return why a form did nothing, above its page as it is now."""
    began = (
        "It is not sure that this was done"
        if isinstance(error, StorageError)
        else "Nothing was done"
    )
    return div(".banner.bad", role="alert")[
        p[
            span(".icon", aria_hidden="true")["!"],
            span[f"{began}: {str(error).rstrip('.')}. Below is what is true now."],
        ]
    ]


def _who(person: Person | None) -> Node:
    if person is None:
        return None
    leave = a(href=person.leave)["Sign out"] if person.leave else None
    return p(".who")[person.name, " ", leave]
