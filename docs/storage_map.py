"""Read out of the code who reads and writes each table, and who fills and takes from each queue.

A service names the port of a table in its constructor, a door goes through `app.adapters`; which method
writes follows from the calls of the table's class. Nothing is imported or run.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
WRITES: Final = frozenset(
    {
        "insert",
        "merge",
        "replace",
        "update",
        "replace_if_unchanged",
        "merge_if_unchanged",
        "delete",
        "delete_if_unchanged",
        "delete_all",
        "delete_some",
        "transact",
    }
)
"""The methods of `shared.storage.tables.Table` that write."""

READS: Final = frozenset({"get", "find", "query", "pages", "read", "first", "partitions"})

Uses = Mapping[str, frozenset[tuple[str, bool]]]
"""By method: the tables that it uses, and whether it writes them."""


@dataclass
class Users:
    """Who uses a table, as modules: `moving/recording`, `http/users`, `cli/saved`."""

    writers: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)


@dataclass
class QueueUsers:
    """Who sends to a queue, takes from it, and looks after its poison queue."""

    senders: set[str] = field(default_factory=set)
    takers: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules of rooms with the names by which the page calls them."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).with_suffix("").as_posix()
            yield re.sub(r"^(shared/services|functions(?=/http|/console))/", "", name), _tree(path)


@cache
def adapters() -> dict[str, Uses]:
    """Return what the methods of each table's class do, by the name of the adapter."""
    found = {}
    for function in _functions(_tree(ROOT / "shared/bootstrap/adapters.py")):
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                tables = [name for each in call.args if (name := _table_of(each))]
                if tables:
                    found[function.name] = _uses(call.func.id, tables)
    return found


def _table_of(node: ast.expr) -> str:
    """Return `users` of `self.tables.table("users")`, else ""."""
    match node:
        case ast.Call(ast.Attribute(attr="table"), [ast.Constant(str(name))]):
            return name
        case _:
            return ""


def _uses(kind: str, tables: list[str]) -> Uses:
    """Return what each method of a class does, through its own methods as well."""
    (definition,) = (
        node
        for path in (ROOT / "shared/storage").glob("*.py")
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef) and node.name == kind
    )
    methods = {each.name: each for each in _functions(definition)}
    given = [each.arg for each in methods["__init__"].args.args[1:]]
    own = dict(zip(given, tables, strict=False))
    table = {attr: own[name] for attr, name in _assigned(methods["__init__"]) if name in own}

    def of(name: str, seen: frozenset[str]) -> frozenset[tuple[str, bool]]:
        used: set[tuple[str, bool]] = set()
        for node in ast.walk(methods[name]):
            match node:
                case ast.Attribute(ast.Attribute(ast.Name("self"), attr), verb) if attr in table:
                    if verb in WRITES | READS:
                        used.add((table[attr], verb in WRITES))
                case ast.Attribute(ast.Name("self"), inner) if inner in methods.keys() - seen:
                    used |= of(inner, seen | {inner})
                case _:
                    pass
        return frozenset(used)

    return {name: of(name, frozenset({name})) for name in methods}


@cache
def ports() -> dict[str, Uses]:
    """Return what the methods of each port of a table do: its docstring names the tables."""
    found = {}
    for node in (node for _, tree in _modules("shared/services/ports") for node in tree.body):
        if isinstance(node, ast.ClassDef):
            first = (ast.get_docstring(node) or "").split("\n")[0]
            if re.match(r"(The part of t|T)ables? `", first):
                names = set(re.findall(r"`(\w+)`", first))
                # An adapter of several tables may have a port that needs only one of them.
                (found[node.name],) = (
                    uses
                    for uses in adapters().values()
                    if (used := {table for each in uses.values() for table, _ in each}) == names
                    or (first.startswith("The part") and names < used)
                )
    return found


@cache
def tables() -> Mapping[str, Users]:
    """Return who uses each table; the janitor and `acp forget`, who use all, are left out."""
    found: dict[str, Users] = defaultdict(Users)
    for module, tree in _modules("shared/services", "functions", "cli"):
        for uses, method in (*_through_ports(tree), *_through_adapters(tree)):
            for table, writes in uses.get(method, ()):
                (found[table].writers if writes else found[table].readers).add(module)
    return dict(found)


def _through_ports(tree: ast.Module) -> Iterator[tuple[Uses, str]]:
    for part in tree.body:
        known: dict[str, Uses] = {}
        for function in _functions(part):
            given = {
                each.arg: ports()[name]
                for each in (*function.args.args, *function.args.kwonlyargs)
                if each.annotation and (name := _port_in(each.annotation))
            }
            known |= given
            known |= {f"self.{a}": given[name] for a, name in _assigned(function) if name in given}
        for node in ast.walk(part) if known else ():
            if isinstance(node, ast.Attribute) and (owner := ast.unparse(node.value)) in known:
                yield known[owner], node.attr


def _port_in(annotation: ast.expr) -> str:
    names = re.findall(r"\w+", ast.unparse(annotation))
    return next((name for name in names if name in ports()), "")


def _through_adapters(tree: ast.Module) -> Iterator[tuple[Uses, str]]:
    verbs = {verb for uses in adapters().values() for verb in uses}
    for function in _functions(tree):
        alias = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                alias[node.targets[0].id] = ast.unparse(node.value)
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and node.attr in verbs:
                owner = ast.unparse(node.value)
                first, _, rest = owner.partition(".")
                whole = ".".join(filter(None, (alias.get(first, first), rest)))
                if found := re.fullmatch(r"(?:\w+\.)*adapters\.(\w+)", whole):
                    yield adapters().get(found[1], {}), node.attr


def queues() -> dict[str, QueueUsers]:
    """Return who uses each queue, by its name in `shared.settings.queues`."""
    found: dict[str, QueueUsers] = defaultdict(QueueUsers)
    for path in sorted((ROOT / "functions").glob("*.py")):
        text, module = path.read_text(encoding="utf-8"), f"functions/{path.stem}"
        which = (
            r'queue_(trigger|output)\(\s*"\w+", queue_name=\w+\.(?:queues\.)?(\w+)\.(name|poison)'
        )
        for kind, queue, name in re.findall(which, text):
            users = found[queue]
            part = users.takers if kind == "trigger" else users.senders
            (users.poison if name == "poison" else part).add(module)
    services = _tree(ROOT / "shared/bootstrap/services.py")
    modules = {
        each.name: str(node.module).removeprefix("shared.services.").replace(".", "/")
        for node in ast.walk(services)
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }
    for function in _functions(services):
        module = modules.get(ast.unparse(function.returns), "") if function.returns else ""
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args:
                queue = re.search(r"\bqueues\.(\w+)", ast.unparse(call.args[0]))
                if queue and call.func.attr == "queue":
                    found[queue[1]].senders.add(module)
                elif queue and call.func.attr == "poison":
                    found[queue[1]].poison.add(module)
    return dict(found)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _assigned(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    """Yield the attributes to which a function assigns a name: `self._table = table`."""
    for node in ast.walk(function):
        match node:
            case ast.Assign([ast.Attribute(ast.Name("self"), attr)], ast.Name(name)):
                yield attr, name
            case _:
                pass
