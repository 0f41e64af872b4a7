"""Names are the field's own: those that were replaced do not come back."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
REPLACED = {
    "asking",
    "Cause",
    "CAUSE",
    "CsvWishes",
    "Desk",
    "examined",
    "GarbledError",
    "Guard",
    "Intake",
    "Look",
    "Measurer",
    "Mover",
    "MoveQueue",
    "MoveWishes",
    "Patience",
    "PausedError",
    "put",
    "RefusedError",
    "released",
    "Reporter",
    "Requester",
    "Service",
    "Settler",
    "Shower",
    "StateError",
    "subscribed",
    "Sure",
    "take_stock",
    "told",
    "UnknownError",
    "Wanted",
    "Wish",
    "Wishes",
}
MODULES = {
    "shared/events.py",
    "shared/domain/plans.py",
    "shared/storage/plans.py",
    "shared/desk.py",
}


def names(text: str) -> Iterator[str]:
    """Every class, function and assigned name of a file."""
    return (
        a or b for a, b in re.findall(r"(?m)^ *(?:(?:async )?(?:class|def) (\w+)|(\w+) = )", text)
    )


def test_no_replaced_name_is_left() -> None:
    """No class, function or constant of the app, its tools and its stand-ins has an old name."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for room in ("shared", "functions", "cli", "local", "benchmarks", "infra")
        for path in (ROOT / room).rglob("*.py")
        if "node_modules" not in path.parts
        for name in names(path.read_text(encoding="utf-8"))
        if name in REPLACED
    }
    assert found == set()


def test_no_replaced_module_is_left() -> None:
    """Modules that moved are not there under their old names."""
    assert {name for name in MODULES if (ROOT / name).exists()} == set()
