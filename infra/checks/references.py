"""Every name, module, parameter, output and loaded file that Bicep refers to is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tree_sitter import Node

from infra.checks import bicep
from infra.checks.bicep import BicepFile, Declaration
from infra.checks.problem import Problem

_NAMES: Final = (
    "array base64 bool concat contains copyIndex createObject dateTimeAdd deployment empty"
    " endsWith environment first flatten format guid indexOf int intersection items join json last"
    " length loadFileAsBase64 loadJsonContent loadTextContent loadYamlContent managementGroup max min"
    " newGuid objectKeys padLeft range reference replace resourceGroup resourceId skip split"
    " startsWith string subscription subscriptionResourceId substring take tenant tenantResourceId"
    " toLower toObject toUpper trim union uniqueString uri uriComponent utcNow"
)
FUNCTIONS: Final = frozenset(_NAMES.split())
"""Functions of Bicep that the files may call ("Bicep functions", Azure Bicep documentation)."""

_LOADERS: Final = frozenset(name for name in FUNCTIONS if name.startswith("load"))


def check(folder: Path) -> list[Problem]:
    """Find what refers to nothing, and parameters that nothing refers to."""
    files = bicep.files(folder)
    return [
        problem
        for file in files
        for problem in (
            *_symbols(file),
            *_calls(file, folder),
            *_modules(file, folder),
            *_unused(file),
        )
    ]


def _symbols(file: BicepFile) -> Iterator[Problem]:
    known = {one.name for one in file.declarations}
    for node in _names(file.root):
        name = bicep.text(node)
        if name not in known and name not in _loop_variables(node):
            yield Problem(
                file.name,
                f"{name} is declared nowhere",
                "Declare it or mend the name",
                bicep.line(node),
            )


def _names(root: Node) -> Iterator[Node]:
    """Identifiers that are used as values: no declared names, keys, functions or types."""
    for node in bicep.walk(root):
        parent = node.parent
        if node.type != "identifier" or parent is None:
            continue
        first = parent.named_children[0] == node
        declares = first and parent.type.endswith(("_declaration", "for_statement"))
        key = parent.type == "object_property" and first
        function = parent.type == "call_expression" and first
        if not (declares or key or function or parent.type == "type"):
            yield node


def _loop_variables(node: Node | None) -> set[str]:
    names: set[str] = set()
    while node is not None:
        if node.type == "for_statement":
            # `for one in all` names one variable; `for (one, index) in all` two.
            names |= {
                bicep.text(one)
                for one in (node.named_children[0], *node.named_children[0].children)
            }
        node = node.parent
    return names


def _calls(file: BicepFile, folder: Path) -> Iterator[Problem]:
    for node in bicep.walk(file.root):
        if node.type != "call_expression" or _is_decorator(node):
            continue
        name = bicep.text(node.named_children[0])
        if name.rpartition(".")[2] not in FUNCTIONS:
            yield Problem(
                file.name, f"no such function: {name}()", "Mend the name", bicep.line(node)
            )
        elif name in _LOADERS:
            yield from _loaded(file, folder, node)


def _is_decorator(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "decorator"


def _loaded(file: BicepFile, folder: Path, call: Node) -> Iterator[Problem]:
    argument = call.named_children[-1].named_children[0]
    path = bicep.literal(argument)
    target = file.path.parent / str(path)
    if path is None or not target.is_file():
        yield Problem(
            file.name,
            f"loads {bicep.text(argument)}, which is no file",
            "Mend the path",
            bicep.line(call),
        )
        return
    owner = call.parent
    if target.suffix == ".json" and owner is not None and owner.type == "variable_declaration":
        known = json.loads(target.read_text(encoding="utf-8"))
        name = bicep.text(owner.named_children[0])
        for node in bicep.walk(file.root):
            if node.type == "member_expression" and bicep.text(node.named_children[0]) == name:
                member = bicep.text(node.named_children[1])
                if member not in known:
                    where = target.relative_to(folder).as_posix()
                    yield Problem(
                        file.name,
                        f"{name}.{member} is not in {where}",
                        "Add it there",
                        bicep.line(node),
                    )


def _modules(file: BicepFile, folder: Path) -> Iterator[Problem]:
    targets: dict[str, BicepFile] = {}
    for module in file.of_kind("module").values():
        path = file.path.parent / module.type
        if not path.is_file():
            yield Problem(
                file.name,
                f"module {module.type} is no file",
                "Mend the path or write it",
                module.line,
            )
            continue
        targets[module.name] = bicep.parse(path, folder)
        yield from _parameters(file, module, targets[module.name])
    for node in bicep.walk(file.root):
        parts = bicep.text(node).split(".") if node.type == "member_expression" else []
        match parts:
            case [name, "outputs", output] if name in targets:
                if output not in targets[name].of_kind("output"):
                    yield Problem(
                        file.name,
                        f"{targets[name].name} has no output {output}",
                        "Mend the name or add the output",
                        bicep.line(node),
                    )


def _parameters(file: BicepFile, module: Declaration, target: BicepFile) -> Iterator[Problem]:
    passed = bicep.properties(bicep.at(module.value, "params"))
    known = target.of_kind("parameter")
    for name, node in passed.items():
        if name not in known:
            yield Problem(
                file.name,
                f"{target.name} has no parameter {name}",
                "Mend the name or declare it there",
                bicep.line(node),
            )
    for name, parameter in known.items():
        if name not in passed and parameter.value is None:
            yield Problem(
                file.name,
                f"module {module.name} is not given {name}, which {target.name} requires",
                "Pass it",
                module.line,
            )


def _unused(file: BicepFile) -> Iterator[Problem]:
    used = {bicep.text(node) for node in _names(file.root)}
    for kind in ("parameter", "variable"):
        for name, one in file.of_kind(kind).items():
            if name not in used:
                yield Problem(
                    file.name, f"{kind} {name} is used nowhere", "Use or remove it", one.line
                )
