"""docs/reading.md leads through the code as it is: a reading path that rots is worse than none."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MOST_FILES, MOST_LINES = 12, 1000
ROW = re.compile(
    r"^\| (\d+) \| \[(\S+)\]\(\.\./(\S+)\) \| (.+?) \| (?:Graph|(\d+), `(\S+)`) \| .+ \|$", re.M
)


@dataclass(frozen=True)
class Step:
    """A row of the page. parts: names in the file; via: the code of the earlier step that leads here."""

    number: int
    file: str
    parts: tuple[str, ...]
    before: int | None
    via: str

    def lines(self) -> list[str]:
        """The lines of the parts, with their decorators; KeyError: a part is not in the file."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        nodes = dict(named(ast.parse(text)))
        spans = [span(nodes[part]) for part in self.parts]
        return [line for start, end in spans for line in text.splitlines()[start:end]]


Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def named(tree: ast.Module | ast.ClassDef, prefix: str = "") -> list[tuple[str, Named]]:
    """Each function and class of a module with its name; a method is `Class.method`."""
    found: list[tuple[str, Named]] = []
    for node in tree.body:
        if isinstance(node, Named):
            found.append((prefix + node.name, node))
        if isinstance(node, ast.ClassDef):
            found += named(node, f"{node.name}.")
    return found


def span(node: Named) -> tuple[int, int]:
    """The first and the last line of a definition, the first one counted from 0."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first - 1, node.end_lineno or node.lineno


def read() -> list[Step]:
    """The steps of the page."""
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    rows = ROW.findall(page)
    assert len(rows) == len(re.findall(r"^\| *\d+ \|", page, re.M)), "a row has another form"
    assert all(shown == target for _, shown, target, *_ in rows)
    return [
        Step(
            int(number),
            file,
            tuple(re.findall(r"`([^`]+)`", parts)),
            int(before) if before else None,
            via,
        )
        for number, file, _, parts, before, via in rows
    ]


STEPS = read()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: Path(step.file).stem)
def test_each_step_is_reached_from_an_earlier_one(step: Step) -> None:
    """The parts exist; the step before names one of them, or both name the same queue."""
    own = "\n".join(step.lines())
    if step.before is None:
        assert step is STEPS[0]
        return
    assert step.before < step.number
    assert re.search(rf"\b{re.escape(step.via)}\b", "\n".join(STEPS[step.before - 1].lines()))
    defined = {name.rpartition(".")[2] for name in step.parts}
    defined |= {
        name.rpartition(".")[2]
        for part in step.parts
        for name, _ in named(ast.parse((ROOT / step.file).read_text(encoding="utf-8")))
        if name.startswith(f"{part}.")
    }
    assert step.via.rpartition(".")[2] in defined or step.via in own


def test_the_path_is_short_enough_to_be_read() -> None:
    """At most twelve files and 1,000 lines, numbered in order."""
    assert [step.number for step in STEPS] == list(range(1, len(STEPS) + 1))
    assert len({step.file for step in STEPS}) == len(STEPS) <= MOST_FILES
    assert sum(len(step.lines()) for step in STEPS) <= MOST_LINES
