"""Every writer of the storage: what keeps it from overwriting what somebody else wrote meanwhile."""

import ast
from collections import defaultdict
from pathlib import Path
from typing import Final

import shared.storage

GUARDED: Final = {
    "insert",
    "replace_if_unchanged",
    "merge_if_unchanged",
    "delete_if_unchanged",
    "transact",
}
"""Writes that fail when somebody else wrote first."""

BLIND: Final = {"merge", "replace", "update", "delete", "delete_all", "delete_some"}
"""Writes that do not look; each needs a reason."""

TABLES: Final = {"_table", "_runs", "_results", "_users", "_state", "_of_runs", "_history", "table"}
"""What the storage's modules call their tables; `_of_runs` holds several."""

WRITERS: Final = {
    # who writes: how, and for blind writes why that is safe
    "guard.take": ({"insert", "replace_if_unchanged"}, ""),
    "held.add_held": ({"insert"}, ""),
    "held.add_runs": ({"merge_if_unchanged"}, ""),
    "held.mark_released": ({"update"}, "only ever becomes true"),
    "held.remove_held": ({"delete_if_unchanged"}, ""),
    "held.remove_unreadable": ({"delete"}, "nobody can read whom it permits"),
    "history.add": ({"insert"}, ""),
    "leftovers.delete_rows": ({"delete_some"}, "of a run that is over, or that has no row"),
    "leftovers.delete_run": ({"delete_if_unchanged"}, ""),
    "leftovers.delete_keys": ({"delete_some"}, "rows that never change, by their age"),
    "leftovers.delete_actions": ({"delete_some"}, "rows that never change, by their age"),
    "leftovers.delete_history": ({"delete"}, "a row that never changes, by its age"),
    "leftovers.mark_known": ({"update"}, "a time that only grows"),
    "leftovers.delete_user": ({"delete_if_unchanged"}, ""),
    "move_requests.save_page": ({"insert"}, ""),
    "move_requests.claim_page": ({"replace_if_unchanged"}, ""),
    "move_requests.give_up_page": ({"merge_if_unchanged"}, ""),
    "move_requests.mark_done": ({"update"}, "only ever becomes true"),
    "move_requests.mark_mailed": ({"insert"}, ""),
    "move_requests.save_own_numbers": ({"transact"}, ""),
    "move_requests.unmark_mailed": ({"delete"}, "a row of its own, by whoever inserted it"),
    "move_requests.save_request": (
        {"replace"},
        "the same for the same key; written before the run",
    ),
    "move_requests.run_of": ({"insert"}, ""),
    "personal._from_partition": (
        {"delete_some"},
        "whatever it says: the person is to be forgotten",
    ),
    "move_requests.forget_key": ({"delete"}, "a row of its own, by whoever inserted it"),
    "personal._delete": ({"delete"}, "whatever it says: the person is to be forgotten"),
    "personal._take_out": ({"merge_if_unchanged"}, ""),
    "replaced.save_entries": ({"insert"}, ""),
    "replaced.save_conferencing": ({"insert"}, ""),
    "replaced.claim": ({"insert", "replace_if_unchanged"}, ""),
    "replaced.settle_claim": ({"replace_if_unchanged"}, ""),
    "replaced.take_over": ({"replace_if_unchanged"}, ""),
    "replaced.cancel": ({"merge"}, "a time that only grows; readers compare it"),
    "roster._insert": ({"transact"}, ""),
    "roster._note": ({"transact"}, ""),
    "runs.save_run": ({"insert", "replace_if_unchanged"}, ""),
    "runs.record_results": ({"transact"}, ""),
    "runs._record": ({"insert", "merge_if_unchanged"}, ""),
    "state._swap": ({"insert", "merge_if_unchanged", "replace_if_unchanged"}, ""),
    "state._save_json": ({"replace"}, "what this process checked; not made of what was stored"),
    "state.request_sweep": ({"merge"}, "only ever requests"),
    "state.add_released_sweep": ({"merge"}, "a row of its own, without content"),
    "state.remove_released_sweep": ({"delete"}, "a row of its own, of a run that ended"),
    "state.add_open_run": ({"merge"}, "a row of its own, without content"),
    "state.remove_open_run": (
        {"delete"},
        "a row of its own; who removes it reads the run once more",
    ),
    "state.save_pause": ({"replace"}, "a person's word; not made of what was stored"),
    "state.add_action": ({"insert"}, ""),
    "state.acquire": ({"insert", "replace_if_unchanged"}, ""),
    "state.release": ({"replace_if_unchanged"}, ""),
    "sweep_pages.save_sweep_page": ({"insert", "replace_if_unchanged"}, ""),
    "sweep_pages.mark_sent": ({"update"}, "only ever becomes true"),
    "sweep_pages.delete": ({"delete_all"}, "of a run that ended, under its lease"),
    "users.record_result": ({"insert", "merge_if_unchanged"}, ""),
    "waiting.save_waiting": (
        {"insert", "merge_if_unchanged", "replace_if_unchanged", "delete"},
        "deletes rows of the version before, whose user has a newer row",
    ),
    "waiting.add_settled": ({"insert", "merge_if_unchanged", "replace_if_unchanged"}, ""),
    "waiting._remove": ({"delete_if_unchanged", "replace_if_unchanged"}, ""),
    "waiting.forget_settled": ({"delete_if_unchanged"}, ""),
    "waiting.acknowledge": ({"update"}, "counts only with the reason that was read"),
    "waiting.claim": ({"merge_if_unchanged"}, ""),
}


def writers() -> dict[str, set[str]]:
    """Return how each function of the storage writes, by module and name."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in Path(shared.storage.__path__[0]).glob("*.py"):
        if path.stem in ("tables", "queue", "poison"):
            continue  # the writes themselves, and queues, whose messages nobody changes
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
                for node in ast.walk(function):
                    if (
                        isinstance(node, ast.Attribute)
                        and node.attr in GUARDED | BLIND
                        and _name_of(node.value) in TABLES
                    ):
                        found[f"{path.stem}.{function.name}"].add(node.attr)
    return dict(found)


def _name_of(value: ast.expr) -> str:
    """Return what a table is called: `self._table`, `self._of_runs[name]`, `table`."""
    match value:
        case ast.Subscript(inner):
            return _name_of(inner)
        case ast.Attribute(attr=name) | ast.Name(name):
            return name
        case _:
            return ""


def test_every_writer_carries_an_etag_or_says_why_not() -> None:
    """Attack 7: a new writer, or another way of writing, needs its row in the table above."""
    assert writers() == {name: ways for name, (ways, _) in WRITERS.items()}
    unexplained = [name for name, (ways, why) in WRITERS.items() if ways & BLIND and not why]
    assert unexplained == []
