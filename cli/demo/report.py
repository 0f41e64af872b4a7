"""What the demo shows before and after: tables, figures, the saved entries, and the verdict."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.demo.summary import (
    Evidence,
    Summary,
    TenantUser,
    by_provider,
    in_attention,
    not_on_microsoft,
    not_saved,
    wrongly_changed,
)
from cli.demo.view import PROVIDERS, View
from local.worlds import WORLDS
from shared.domain.user import MICROSOFT, ProviderEntry

_NAMED: Final = 10
"""Users who are named for one fault, at most."""

_HIDDEN: Final = "*****"
"""Instead of a passcode, however long it is."""

_OUTCOMES: Final = {
    "moved": "to Microsoft, by the app",
    "already_microsoft": "before, or by the service itself after licensing",
    "unlicensed": "not touched",
    "excluded": "rooms, guests, on premises and such: not touched",
    "waiting": "will be checked again",
    "failed": "needs attention",
}


def show_before(view: View, users: Sequence[TenantUser]) -> None:
    """Show whom the tenant has, by provider."""
    table = _table("Provider", "users", "to be moved", "Microsoft", "not licensed", "excluded")
    names = _shown(by_provider(users))
    groups = [[u for u in users if name in by_provider([u])] for name in names]
    for name, group in zip([*names, "all"], [*groups, users], strict=True):
        candidates = [user for user in group if user.candidate]
        cells = (
            len(group),
            sum(not user.on_microsoft for user in candidates),
            sum(user.on_microsoft for user in candidates),
            sum(not user.licensed for user in group),
            sum(user.licensed and not user.included for user in group),
        )
        table.add_row(name, *map(_count, cells), style="bold" if name == "all" else "")
    _print(view, "Before", table)


def show_after(view: View, evidence: Evidence, summary: Summary) -> None:
    """Show what became of everybody."""
    _print(view, "Licensed, included users", _providers_table(evidence))
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right", min_width=7)
    table.add_column(style="dim")
    for name, meaning in _OUTCOMES.items():
        expected = not WORLDS[evidence.world].heals and summary["failed"] == summary["attention"]
        bad = name in ("waiting", "failed") and summary[name] and not expected
        style = "bold red" if bad else "bold"
        table.add_row(name, Text(f"{summary[name]:,}", style=style), meaning)
    _print(view, f"All {summary['users']:,} users by outcome", Padding(table, (0, 0, 0, 2)))


def show_figures(view: View, evidence: Evidence, summary: Summary) -> None:
    """Show how fast it went and what it took."""
    moved, seconds = summary["moved"], evidence.working
    lines = (
        f"{moved:,} users moved in {seconds:.1f} s: {moved / seconds:.1f} per second, including the "
        f"wait for Teams"
        if moved
        else f"the app moved nobody in {seconds:.1f} s, including the wait for Teams",
        f"{summary['notifications']:,} notifications delivered; the app made "
        f"{summary['graph_calls']:,} calls to Graph, {summary['teams_calls']:,} to Teams",
    )
    _print(view, "Speed", Padding(Group(*map(Text, lines)), (0, 0, 0, 2)))


def show_saved(view: View, evidence: Evidence, *, stays: bool) -> None:
    """Show where the saved entries are, with one record; no passcode is ever shown."""
    replaced = {user.id for user in evidence.replaced}
    early = sum(user not in replaced for user in evidence.saved)
    records = sum(len(records) for records in evidence.saved.values())
    if not records:
        return
    lines: list[RenderableType] = [
        Text(
            f"{records:,} records in the storage table replacedproviders, {early:,} of them for users"
        ),
        Text(f"without a license{'' if stays else '; they are in memory and end with the demo'}"),
    ]
    complete = [user for user in evidence.replaced if evidence.has_saved(user)]
    if complete:
        user = max(complete, key=lambda user: len(user.original_entries))
        lines.append(Text(f"What {user.name} had, who is on {user.provider} now:"))
        lines.append(_entries_table(user.original_entries))
    _print(view, "Saved before they were replaced", Padding(Group(*lines), (0, 0, 0, 2)))


def show_verdict(view: View, evidence: Evidence) -> bool:
    """Say what is as it should be and what is not, by name; returns whether all is."""
    candidates = sum(user.candidate for user in evidence.after)
    replaced = len(evidence.replaced)
    checks = {
        f"all {candidates:,} licensed, included users are {_expected(evidence)}": not_on_microsoft(
            evidence
        ),
        f"all {replaced:,} replaced providers have their entries saved"
        if replaced
        else "no third-party provider was replaced": not_saved(evidence),
        "nobody unlicensed or excluded was changed": wrongly_changed(evidence),
        "the wave and the sweep finished": list(evidence.unfinished),
    }
    view.print()
    for claim, faults in checks.items():
        line = Text.assemble(view.mark(not faults), claim if not faults else f"false: {claim}")
        view.print(line)
        for fault in faults[:_NAMED]:
            view.print(Padding(Text(fault), (0, 0, 0, 4)))
        if len(faults) > _NAMED:
            view.print(f"    ... and {len(faults) - _NAMED:,} more")
    return not any(checks.values())


def _expected(evidence: Evidence) -> str:
    """Where everybody is to be in the end; in some worlds a few need a person."""
    if WORLDS[evidence.world].heals:
        return "on Microsoft"
    return f"on Microsoft, or need attention ({len(in_attention(evidence)):,})"


def _providers_table(evidence: Evidence) -> Table:
    """Before, plus those licensed meanwhile, and after: the two columns add up to the third."""
    table = _table("Provider", "before", "newly licensed", "after")
    known = {user.id for user in evidence.before if user.candidate}
    start = {user.id: user for user in evidence.before}
    after = [user for user in evidence.after if user.candidate]
    columns = [
        by_provider(user for user in evidence.before if user.candidate),
        by_provider(start.get(user.id, user) for user in after if user.id not in known),
        by_provider(after),
    ]
    for name in _shown(sum(columns, Counter())):
        table.add_row(name, *(_count(column[name]) for column in columns))
    table.add_row("all", *(_count(column.total()) for column in columns), style="bold")
    return table


def _shown(users: Counter[str]) -> list[str]:
    """The providers to list: third parties only where somebody is on one."""
    return [name for name in PROVIDERS if users[name] or name in ("none", MICROSOFT)]


def _entries_table(entries: Sequence[ProviderEntry]) -> Table:
    """The entries with their passcodes hidden."""
    table = _table("Provider", "default", "toll", "toll-free", "passcode")
    for entry in entries:
        free = f"+{entry.toll_free_number}" if entry.toll_free_number else "-"
        default = "yes" if entry.default else "no"
        table.add_row(entry.name, default, f"+{entry.toll_number}", free, _HIDDEN)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in columns:
        table.add_column(name, justify="left" if name == "Provider" else "right")
    return table


def _count(number: int) -> Text:
    return Text(f"{number:,}" if number else "-", style="" if number else "dim")


def _print(view: View, heading: str, content: Table | Padding) -> None:
    view.print(Text(f"\n{heading}", style="bold"))
    view.print(content)
