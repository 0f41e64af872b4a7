"""HTML report of a run, to share: self-contained, without conference IDs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from shared.domain.listing import TenantSwitches
from shared.domain.run import Run
from shared.domain.user import ProviderEntry
from shared.services.admin.number_changes import NumberChange
from shared.text import harmless, plain

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       color: #1b1b1b; background: #fff }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem }
p.sub { color: #555; margin-top: .2rem }
table { border-collapse: collapse }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top }
th { color: #555; font-weight: 600 }
td.number { text-align: right; padding-left: 3rem; font-variant-numeric: tabular-nums }
.moved { color: #0b6a0b } .failed, .not_found, .unlicensed { color: #a4262c }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #eee }
  th, p.sub { color: #aaa } th, td { border-color: #444 } .moved { color: #6ccb5f }
  .failed, .not_found, .unlicensed { color: #ff99a4 } }
"""


def page(
    run: Run, changes: Sequence[NumberChange], switches: TenantSwitches | None, made_at: datetime
) -> str:
    """Return the page of a run; all external text is escaped."""
    ended = plain(run.finished_at) or "not ended"
    head = f"{run.cause} run, {run.state}; began {plain(run.started_at)}, ended {ended} (UTC)"
    parts = [
        f"<h1>ACP Mover: {_safe(run.id)}</h1>",
        f'<p class="sub">{_safe(head)}; this page was made {plain(made_at)}</p>',
        f"<p>{_safe(run.reason)}</p>" if run.reason else "",
        "<h2>Counts</h2>",
        _table(("what", "users"), ((name, f"{count:,}") for name, count in run.counts.items())),
        "<h2>Side effects in this tenant</h2>",
        _table(("setting", "now"), _switches(switches)),
        f"<h2>Users ({len(changes):,})</h2>",
        _users(changes),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_safe(run.id)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _safe(text: str) -> str:
    return escape(harmless(text))


def _switches(switches: TenantSwitches | None) -> Iterable[tuple[str, str]]:
    if switches is None:
        yield "side effects of the app", "none: in documented mode it sets nothing"
        return
    yield "users are mailed their new numbers and PIN", plain(switches.sends_mail)
    yield "users' future meetings are sent again to everybody", plain(switches.sends_meetings)
    yield "licensing alone replaces a third party", plain(switches.replaces_provider)


def _users(changes: Iterable[NumberChange]) -> str:
    rows = "".join(
        f"<tr><td>{_safe(change.result.upn or change.result.user_id)}</td>"
        f'<td class="{change.result.outcome}">{change.result.outcome}</td>'
        f"<td>{_entry(change.before)}</td><td>{_entry(change.after)}</td>"
        f"<td>{_safe(change.result.reason)}</td></tr>"
        for change in changes
    )
    names = ("user", "outcome", "before", "now", "reason")
    return f"<table><tr>{_headers(names)}</tr>{rows}</table>"


def _entry(entry: ProviderEntry | None) -> str:
    if entry is None:
        return ""
    return _safe(f"{entry.name} {entry.toll_number} {entry.toll_free_number}".strip())


def _table(names: Sequence[str], rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><td>{_safe(name)}</td><td class="number">{_safe(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><tr>{_headers(names)}</tr>{body}</table>"


def _headers(names: Sequence[str]) -> str:
    return "".join(f"<th>{_safe(name)}</th>" for name in names)
