"""What `import function_app` costs, against the import of the libraries it cannot do without.

Fresh interpreters take turns: bare, the app, the libraries, and again. Measured is the time from
the start of the process to its end, as wall-clock time and as CPU time; shown is the median over a
bare interpreter, in milliseconds, and the ratio of the two. Bytecode is there, as on a deployment
that ships it; one more row shows the cost without.

A full run makes an environment of the run-time packages alone (requirements.txt), as in Azure. A
quick one uses the development environment, where httpx also imports its command line's libraries:
that is the same on both sides, and makes the ratio smaller.

`import pydantic` alone loads next to nothing: pydantic loads itself when a model is first defined.
So there is a second comparison, without a target, with libraries that are really loaded: the same
imports and one model.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import ROOT, Figure
from benchmarks.stack import bytecode, clean_environment

APP = "import function_app"
LIBRARIES = "import azure.functions, httpx, msal, pydantic, azure.data.tables.aio"
LOADED = f"{LIBRARIES}\nclass Model(pydantic.BaseModel):\n    field: int"
_BARE = "pass"
_TARGET = 1.25
_SETTINGS = {
    "ACP_TENANT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
_NEITHER = {"PYTHONDONTWRITEBYTECODE": "1"}


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield costs and ratios."""
    rounds = 9 if quick else 21
    with tempfile.TemporaryDirectory(prefix="acp-bench-") as name:
        folder = Path(name)
        python = sys.executable if quick else str(_runtime_environment(folder))
        where = "development environment" if quick else "run-time packages only"
        yield from _compare(python, bytecode(folder), rounds, where)
        cold = {**_NEITHER, "PYTHONPYCACHEPREFIX": str(folder / "empty")}
        wall, _ = _cost(python, APP, cold)
        bare, _ = _cost(python, _BARE, cold)
        yield Figure("import the app, no bytecode", 1000 * (wall - bare), "ms", note="one try")


def _compare(python: str, environment: dict[str, str], rounds: int, where: str) -> Iterator[Figure]:
    codes = (_BARE, APP, LIBRARIES, LOADED)
    for code in codes:
        _cost(python, code, environment)
    taken = [[_cost(python, code, environment) for code in codes] for _ in range(rounds)]
    for kind, name in enumerate(("wall clock", "CPU")):
        medians = [median(turn[n][kind] for turn in taken) for n in range(len(codes))]
        app, libraries, loaded = (1000 * (value - medians[0]) for value in medians[1:])
        note = f"{name}, median of {rounds}, {where}"
        yield Figure("import the app", app, "ms", note=note)
        yield Figure("import its libraries", libraries, "ms", note=note)
        yield Figure("import its libraries, define a model", loaded, "ms", note=note)
        yield Figure("app / libraries", app / libraries, "ratio", at_most=_TARGET, note=name)
        yield Figure("app / libraries and a model", app / loaded, "ratio", note=name)


def _cost(python: str, code: str, environment: dict[str, str]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of one fresh interpreter that runs `code`."""
    given = {**clean_environment(), **_SETTINGS, **environment}
    started, used = time.perf_counter(), _cpu_of_children()
    subprocess.run([python, "-c", code], cwd=ROOT, env=given, check=True)
    return time.perf_counter() - started, _cpu_of_children() - used


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _runtime_environment(folder: Path) -> Path:
    """Make an environment of requirements.txt and return its interpreter."""
    uv = str(Path(sys.executable).with_name("uv"))
    home = folder / "venv"
    python = home / "bin" / "python"
    make = [uv, "venv", "--quiet", "--python", sys.executable, str(home)]
    fill = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python)]
    subprocess.run(make, check=True)
    subprocess.run([*fill, str(ROOT / "requirements.txt")], check=True)
    return python
