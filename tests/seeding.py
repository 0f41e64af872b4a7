"""A copy of what the checks read, to make mistakes in."""

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mistake:
    """Replacing `right` by `wrong` in a file makes a check say `said`, and name the file `named`."""

    what: str
    check: str
    file: str
    right: str
    wrong: str
    said: str
    named: str = ""

    def seed(self, folder: Path) -> None:
        """Make the mistake in a copy."""
        path = folder / self.file
        content = path.read_text(encoding="utf-8")
        assert self.right in content, "the table of mistakes is older than the file"
        path.write_text(content.replace(self.right, self.wrong, 1), encoding="utf-8")

    def found(self, problems: list[str]) -> bool:
        """Whether one of the problems names the file and says what is wrong."""
        named = self.named or self.file
        return any(one.startswith(f"{named}:") and self.said in one for one in problems)


def copy(folder: Path) -> Path:
    """Copy infra/, docs/ and azure.yaml into the folder; return it."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("infra", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "azure.yaml", folder)
    return folder
