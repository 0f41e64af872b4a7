"""HTML report of a run, to share: one file that also works from a mail, without conference IDs.

It loads nothing and sends nothing: its own script, which filters the table, is the only one that its
policy lets run.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final

from cli.advice import advised, rank
from cli.output import Row
from shared.domain.listing import TenantSwitches
from shared.text import counted, harmless, plain

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.views.runs import RunView

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem;
       color: #1b1b1b; background: #fff }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem }
p.sub { color: #555; margin-top: .2rem }
table { border-collapse: collapse }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top }
th { color: #555; font-weight: 600 } .key { white-space: nowrap }
td.number { text-align: right; padding-left: 3rem; font-variant-numeric: tabular-nums }
svg { width: 16rem; height: 1rem; fill: currentColor; opacity: .75 }
input, select { font: inherit; padding: .2rem .4rem; margin-right: .6rem }
.moved, .bridge_changed, .would_move, .would_change_bridge { color: #0b6a0b }
.failed, .not_found { color: #a4262c }
.waiting, .held, .unlicensed { color: #8a5300 }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #eee }
  th, p.sub { color: #aaa } th, td { border-color: #444 } a { color: #8ab4f8 }
  .moved, .bridge_changed, .would_move, .would_change_bridge { color: #6ccb5f }
  .failed, .not_found { color: #ff99a4 }
  .waiting, .held, .unlicensed { color: #f2c661 } }
@media print { #filter { display: none } }
"""

_SCRIPT: Final = """
const rows = [...document.querySelectorAll("#users tbody tr")];
const words = document.getElementById("words"), outcome = document.getElementById("outcome");
function filter() {
  const wanted = words.value.toLowerCase().split(/\\s+/);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const fits = (!outcome.value || row.className === outcome.value)
      && wanted.every(word => text.includes(word));
    row.hidden = !fits;
    count += fits;
  }
  document.getElementById("shown").textContent = `${count} of ${rows.length} shown`;
}
words.addEventListener("input", filter);
outcome.addEventListener("change", filter);
document.getElementById("filter").hidden = false;
filter();
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'"


def page(
    run: "Run | RunView | None",
    rows: Sequence[Row],
    effects: Sequence[tuple[str, str]],
    made_at: datetime,
) -> str:
    """Return the page of a run, or of a dry run (None); all external text is escaped.

    rows: of `DetailView`, those that need somebody first. effects: of the tenant's switches, as far as known.
    """
    title = run.id if run else "dry run"
    saved = [row for row in rows if row["number_before"] or row["toll_free_before"]]
    parts = [
        f"<h1>ACP Mover: {_safe(title)}</h1>",
        f'<p class="sub">{_safe(_head(run))}; this page was made {plain(made_at)}</p>',
        f"<p>{_safe(run.reason)}</p>" if run and run.reason else "",
        "<h2>Outcomes</h2>",
        _chart(Counter(str(row["outcome"]) for row in rows)),
        _counts(run),
        *(
            ["<h2>Side effects in this tenant</h2>", _table(("setting", "now"), effects)]
            * bool(effects)
        ),
        f"<h2>Users ({len(rows):,})</h2>",
        _filter({str(row["outcome"]) for row in rows}),
        _users(rows),
        _saved(run, saved),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}<script>{_SCRIPT}</script></body></html>\n"
    )


def _safe(text: object) -> str:
    return escape(harmless(str(text)))


def _head(run: "Run | RunView | None") -> str:
    if run is None:
        return "nothing was changed: this would happen"
    ended = plain(run.finished_at) or "not ended"
    facts = (
        f"{run.cause} run, {run.state}; began {plain(run.started_at)}, ended {ended} (UTC)",
        run.requested_by and f"requested by {run.requested_by}",
        run.decided_by and f"decided by {run.decided_by}",
        run.ticket and f"ticket {run.ticket}",
        run.note and f"note: {run.note}",
    )
    return "; ".join(fact for fact in facts if fact)


def _chart(counts: Counter[str]) -> str:
    """Return a bar for each outcome; its number and its word say the same."""
    most = max(counts.values(), default=1)
    rows = "".join(
        f'<tr class="{_safe(name)}"><td>{_safe(name)}</td><td class="number">{counts[name]:,}</td>'
        f'<td><svg aria-hidden="true"><rect width="{100 * counts[name] / most:.1f}%" height="100%">'
        "</rect></svg></td></tr>"
        for name in sorted(counts, key=rank)
    )
    return f"<table>{rows}</table>"


def _counts(run: "Run | RunView | None") -> str:
    if run is None or not run.counts:
        return ""
    rows = ((name, f"{count:,}") for name, count in run.counts.items())
    return f"<h2>The run's own counts</h2>{_table(('what', 'users'), rows)}"


def side_effects(switches: TenantSwitches | None) -> list[tuple[str, str]]:
    """Return in words what the tenant's switches do. None: the app sets nothing."""
    if switches is None:
        return [("side effects of the app", "none: in documented mode it sets nothing")]
    return [
        ("users are mailed their new numbers and PIN", plain(switches.sends_mail)),
        ("users' future meetings are sent again to everybody", plain(switches.sends_meetings)),
        ("licensing alone replaces a third party", plain(switches.replaces_provider)),
    ]


def _filter(outcomes: Iterable[str]) -> str:
    """Return the fields that filter the users; hidden where no script runs."""
    choices = "".join(
        f'<option value="{_safe(name)}">{_safe(name)}</option>'
        for name in sorted(outcomes, key=rank)
    )
    return (
        '<p id="filter" hidden><input id="words" type="search" placeholder="name, number, reason ..." '
        'aria-label="Search"><select id="outcome" aria-label="Outcome">'
        f'<option value="">all outcomes</option>{choices}</select><span id="shown"></span></p>'
    )


def _users(rows: Sequence[Row]) -> str:
    names = ("name", "user", "department", "country", "outcome", "before", "now", "what to know")
    lines = []
    place = 0
    for row in rows:
        before = _numbers(row, "before")
        if before:
            place += 1
            before = f'<a href="#s{place}">{before}</a>'
        provider = _safe(row["provider_before"])
        lines.append(
            f'<tr class="{_safe(row["outcome"])}"><td>{_safe(row["name"])}</td>'
            f'<td class="key">{_safe(row["user"])}</td><td>{_safe(row["department"])}</td>'
            f"<td>{_safe(row['country'])}</td><td>{_safe(row['outcome'])}</td>"
            f"<td>{f'{provider} {before}'.strip()}</td><td>{_numbers(row, 'after')}</td>"
            f"<td>{_safe(advised(row)['reason'])}</td></tr>"
        )
    head = f"<thead><tr>{_headers(names)}</tr></thead>"
    return f'<table id="users">{head}<tbody>{"".join(lines)}</tbody></table>'


def _saved(run: "Run | RunView | None", rows: Sequence[Row]) -> str:
    """Return the numbers that were replaced, to which the users' rows link."""
    if not rows:
        return ""
    lines = "".join(
        f'<tr id="s{place}"><td class="key">{_safe(row["user"])}</td>'
        f"<td>{_safe(row['provider_before'])}</td><td>{_numbers(row, 'before')}</td></tr>"
        for place, row in enumerate(rows, 1)
    )
    which = f" --run {_safe(run.id)}" if run else ""
    return (
        f"<h2>Saved numbers ({counted(len(rows), 'user')})</h2>"
        f"<p>Conference IDs are left out; acp saved{which} has them.</p>"
        f"<table><tr>{_headers(('user', 'provider', 'numbers'))}</tr>{lines}</table>"
    )


def _numbers(row: Row, when: str) -> str:
    numbers = (str(row[f"{kind}_{when}"]) for kind in ("number", "toll_free"))
    return _safe(" ".join(each for each in numbers if each))


def _table(names: Sequence[str], rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><td>{_safe(name)}</td><td class="number">{_safe(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><tr>{_headers(names)}</tr>{body}</table>"


def _headers(names: Sequence[str]) -> str:
    return "".join(f"<th>{_safe(name)}</th>" for name in names)
