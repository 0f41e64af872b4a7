"""Reads Bicep files into what the checks ask about: parameters, resources, modules, outputs.

The syntax tree is tree-sitter's (grammar tree-sitter-bicep). It knows nearly all of Bicep; what it
does not know (`extension`, spread, `resourceInput<>`) the files here do without, and the syntax
check says so. Nothing is evaluated: only literals have values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER: Final = Parser(Language(tree_sitter_bicep.language()))

Literal = str | int | bool


@dataclass(frozen=True)
class Declaration:
    """One `param`, `var`, `resource`, `module` or `output`."""

    kind: str
    name: str
    node: Node

    @property
    def line(self) -> int:
        """Where it stands, counted from 1."""
        return line(self.node)

    @property
    def type(self) -> str:
        """`Microsoft.Storage/storageAccounts` of a resource, the path of a module; else empty."""
        names = [child for child in self.node.named_children if child.type == "string"]
        if self.kind not in ("resource", "module") or not names:
            return ""
        return text(names[0]).strip("'").partition("@")[0]

    @property
    def existing(self) -> bool:
        """Whether a resource is only referred to, not deployed."""
        return any(child.type == "existing" for child in self.node.children)

    @property
    def value(self) -> Node | None:
        """A parameter's default, a variable's or output's value; of a resource or module its object."""
        if self.kind in ("resource", "module"):
            return _body(self.node)
        parts = [c for c in self.node.named_children[1:] if c.type not in ("type", "comment")]
        return parts[-1] if parts else None


@dataclass
class BicepFile:
    """One parsed file. `name` is its path relative to the checked folder."""

    path: Path
    name: str
    root: Node = field(repr=False)

    @cached_property
    def declarations(self) -> list[Declaration]:
        """Everything that is declared at the top level, in order."""
        return [
            Declaration(node.type.removesuffix("_declaration"), _name(node), node)
            for node in self.root.children
            if node.type.endswith("_declaration")
        ]

    def of_kind(self, kind: str) -> dict[str, Declaration]:
        """The declarations of one kind (`parameter`, `variable`, `resource`, ...) by name."""
        return {one.name: one for one in self.declarations if one.kind == kind}

    def resources(self, resource_type: str) -> list[Declaration]:
        """The resources of this type that the file deploys; the type's case does not matter."""
        return [
            one
            for one in self.of_kind("resource").values()
            if not one.existing and one.type.casefold() == resource_type.casefold()
        ]


def parse(path: Path, folder: Path) -> BicepFile:
    """Read one file. UnicodeDecodeError: it is not UTF-8."""
    content = path.read_text(encoding="utf-8")
    root = _PARSER.parse(content.encode()).root_node
    return BicepFile(path, path.relative_to(folder).as_posix(), root)


def files(folder: Path) -> list[BicepFile]:
    """Every Bicep file under `infra/` of the folder, sorted by name."""
    return [parse(path, folder) for path in sorted((folder / "infra").rglob("*.bicep"))]


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    """The node's own text."""
    return (node.text or b"").decode()


def line(node: Node) -> int:
    """The node's line, counted from 1."""
    return node.start_point.row + 1


def literal(node: Node | None) -> Literal | None:
    """The value of a string without interpolation, a number or a boolean; None for all else."""
    if node is None:
        return None
    if node.type == "string":
        if any(child.type == "interpolation" for child in node.children):
            return None
        return "".join(text(child) for child in node.named_children).replace("\\'", "'")
    if node.type == "number":
        return int(text(node))
    if node.type == "boolean":
        return text(node) == "true"
    return None


def properties(node: Node | None) -> dict[str, Node]:
    """An object's own properties with their value nodes; nothing for what is no object."""
    if node is None or node.type != "object":
        return {}
    pairs = (child for child in node.named_children if child.type == "object_property")
    return {
        text(pair.named_children[0]).strip("'"): pair.named_children[-1]
        for pair in pairs
        if len(pair.named_children) > 1
    }


def at(node: Node | None, *path: str) -> Node | None:
    """The value at a path of property names inside an object, or None."""
    for name in path:
        node = properties(node).get(name)
    return node


def _name(node: Node) -> str:
    return next((text(c) for c in node.named_children if c.type == "identifier"), "")


def _body(node: Node) -> Node | None:
    """Find the object of a resource or module, inside its `for` and `if`."""
    last = node.named_children[-1]
    while last.type in ("for_statement", "if_statement"):
        last = last.named_children[-1]
    return last if last.type == "object" else None
