"""The real worker library indexes a package, or says why it does not."""

from pathlib import Path

import pytest

from functions.http.routes import ROUTES
from infra.package import CODE, PackageError, copy, declared, indexed


@pytest.mark.large
def test_every_declared_function_is_indexed(tmp_path: Path) -> None:
    """What the code decorates and the table of routes are what the worker finds, each with its trigger."""
    copy(CODE, tmp_path)
    found = indexed(tmp_path)
    routes = {route.name for route in ROUTES}
    assert {name.split()[0] for name in found} == declared(tmp_path) | routes
    assert {f"{name} (http)" for name in routes} <= set(found)
    assert "license_events (eventGrid)" in found


@pytest.mark.large
def test_a_function_that_the_worker_refuses_is_told(tmp_path: Path) -> None:
    """An output binding typed as the worker cannot read it stops the package."""
    copy(CODE, tmp_path)
    path = tmp_path / "functions" / "moves.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace("func.Out[List[str]]", "func.Out[list[str]]")
    )
    with pytest.raises(PackageError, match="move_users"):
        indexed(tmp_path)
