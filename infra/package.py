"""Builds the zip that is deployed, and shows that it runs: `make package`.

What .funcignore lets in is packed, and it may let in nothing but what runs. The same files give the
same zip, byte for byte. The package is then taken apart again: every module is imported in a clean
Python 3.13 that has requirements.txt and nothing else, and every function is indexed by the worker
library that runs in Azure.
"""

import ast
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

CODE: Final = Path(__file__).parents[1]
LIMIT_MB: Final = 40
WHAT_RUNS: Final = (
    *("function_app.py", "host.json", "requirements.txt"),
    *("functions/*.py", "functions/console/static/*", "shared/*.py"),
)
"""Patterns of the files that run; `*` also crosses folders."""

_SAMPLE: Final = {
    "ACP_TENANT_ID": "00000000-0000-0000-0000-000000000000",
    "AzureWebJobsStorage__tableServiceUri": "https://sample.table.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://sample.queue.core.windows.net",
}
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_IMPORT_ALL: Final = """
import importlib, pkgutil, sys
import function_app, functions, shared
for package in (functions, shared):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
assert sys.version_info[:2] == (3, 13), sys.version
print(sum(name.split(".")[0] in ("functions", "shared") for name in sys.modules))
"""


class PackageError(Exception):
    """The package is not what may be deployed; the text says why and what to do."""


@dataclass(frozen=True)
class Pattern:
    """A line of .funcignore, in the language of .gitignore ("gitignore", Git documentation)."""

    expression: re.Pattern[str]
    lets_in: bool
    folders_only: bool

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line. PackageError: it has what is not read here: `?`, a set, a backslash."""
        text = line.removeprefix("!")
        if re.search(r"[?\[\]\\]", text):
            raise PackageError(f".funcignore: {line}: of wildcards only * and ** are read here")
        path = text.rstrip("/")
        above = "" if "/" in path else "(?:.*/)?"
        parts = re.split(r"(\*\*/|/\*\*$|\*)", path.removeprefix("/"))
        wild = {"**/": "(?:.*/)?", "/**": "/.+", "*": "[^/]*"}
        expression = above + "".join(wild.get(part, re.escape(part)) for part in parts)
        return cls(re.compile(expression), line.startswith("!"), text.endswith("/"))


def lets_in(patterns: Sequence[Pattern], path: Path, *, folder: bool) -> bool:
    """Whether the last pattern that matches lets the relative path in; none: yes."""
    for one in reversed(patterns):
        if one.expression.fullmatch(path.as_posix()) and (folder or not one.folders_only):
            return one.lets_in
    return True


def files(source: Path) -> Iterator[Path]:
    """The relative paths of what .funcignore lets in, sorted. PackageError: a pattern is not read."""
    lines = (source / ".funcignore").read_text(encoding="utf-8").splitlines()
    patterns = [Pattern.parse(line.strip()) for line in lines if line.strip() and line[0] != "#"]
    found = []
    for folder, folders, names in os.walk(source):
        here = Path(folder).relative_to(source)
        folders[:] = [name for name in folders if lets_in(patterns, here / name, folder=True)]
        found += [here / name for name in names if lets_in(patterns, here / name, folder=False)]
    if links := [path for path in found if (source / path).is_symlink()]:
        raise PackageError(f"{links[0]} is a link: what it leads to would be deployed")
    yield from sorted(found)


def copy(source: Path, target: Path) -> None:
    """Copy what .funcignore lets in into a new folder."""
    for path in files(source):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target / path)


def build(source: Path, target: Path, limit_mb: int = LIMIT_MB) -> None:
    """Write the zip. PackageError: something in it does not run in Azure, or it is too large."""
    paths = list(files(source))
    strays = [
        path.as_posix()
        for path in paths
        if not any(fnmatch.fnmatchcase(path.as_posix(), one) for one in WHAT_RUNS)
    ]
    if strays:
        raise PackageError(
            f"{strays[0]} would be deployed and does not run there: .funcignore lets it in"
            " (or add it to WHAT_RUNS in infra/package.py)"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (source / path).read_bytes())
    if (size := target.stat().st_size) > limit_mb * 1_000_000:
        raise PackageError(f"{target} has {size / 1e6:.1f} MB, more than {limit_mb}")


def imported(package: Path) -> int:
    """Import every module of an unpacked package where only requirements.txt is installed.

    Returns how many modules of the app were imported. PackageError: the text of what failed.
    """
    uv = str(Path(sys.executable).parent / "uv")
    with tempfile.TemporaryDirectory() as name:
        clean = Path(name) / "venv"
        _run([uv, "venv", "--quiet", "--no-python-downloads", "--python", "3.13", str(clean)])
        python = str(clean / "bin" / "python")
        requirements = str(package / "requirements.txt")
        install = (uv, "pip", "install", "--quiet", "--require-hashes", "--python", python)
        _run([*install, "--requirement", requirements])
        # -P: only the package, which PYTHONPATH names, and the clean environment are searched.
        own = {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
        return int(_run([python, "-P", "-c", _IMPORT_ALL], cwd=Path(name), env=own | _SAMPLE))


def declared(package: Path) -> set[str]:
    """The names of the functions that the code of a package declares, by reading it."""
    routes = (package / "functions/http/routes.py").read_text(encoding="utf-8")
    return set(re.findall(r'^    Route\(\s+"(\w+)"', routes, re.MULTILINE)) | {
        node.name
        for path in (package / "functions").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.decorator_list
    }


def indexed(package: Path) -> list[str]:
    """Index the functions of an unpacked package in the real worker library: `name (trigger)`.

    PackageError: the worker refuses the app.
    """
    own = {**os.environ, **_SAMPLE, "PYTHONDONTWRITEBYTECODE": "1"}
    return _run(
        [sys.executable, "-m", "infra.indexing", str(package)], cwd=CODE, env=own
    ).splitlines()


def doctored(package: Path) -> None:
    """Have azure-functions-doctor examine an unpacked package as Flex Consumption would run it.

    It also reads the infrastructure, which is copied beside the package. PackageError: what it says.
    """
    for name in (".funcignore", "azure.yaml"):
        shutil.copy(CODE / name, package)
    shutil.copytree(
        CODE / "infra", package / "infra", ignore=shutil.ignore_patterns("node_modules")
    )
    doctor = str(Path(sys.executable).parent / "azure-functions-doctor")
    plan = ["--profile", "deploy", "--hosting-plan", "flex-consumption", "--target-python", "3.13"]
    _run([doctor, "doctor", "--path", str(package), *plan])


def main() -> int:
    """Build and prove the package; prints its size and functions. Returns the exit code."""
    target = CODE / "dist" / "acp-mover.zip"
    try:
        build(CODE, target)
        with tempfile.TemporaryDirectory() as name:
            with zipfile.ZipFile(target) as archive:
                archive.extractall(name)
                count = len(archive.namelist())
            modules = imported(Path(name))
            functions = indexed(Path(name))
            if lost := declared(Path(name)) - {one.split()[0] for one in functions}:
                raise PackageError(f"not indexed: {', '.join(sorted(lost))}")
            doctored(Path(name))
    except PackageError as error:
        print(f"failed  package: {error}")
        return 1
    shown = os.path.relpath(target)
    print(f"ok      package: {shown}, {count} files, {target.stat().st_size / 1000:.0f} kB")
    print(f"ok      package: {modules} modules imported with requirements.txt alone")
    print("ok      package: azure-functions-doctor finds no error")
    print(f"ok      package: {len(functions)} functions indexed: {', '.join(functions)}")
    return 0


def _run(
    command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise PackageError("\n".join(lines[-12:]) or f"{command[0]} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
