"""`acp tenant`: what its options make of the tenant, and what they refuse."""

from pathlib import Path

import pytest
from starlette.applications import Starlette

from cli import serving
from cli.main import run
from local.tenant.options import TenantOptions


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[TenantOptions]:
    """The options of each tenant that the command starts, instead of serving it."""
    options: list[TenantOptions] = []

    async def serve(app: Starlette, *_: object, **__: object) -> None:
        options.append(app.state.tenant.options)

    monkeypatch.setattr(serving, "serve", serve)
    return options


def test_without_options_nothing_goes_wrong(started: list[TenantOptions]) -> None:
    """No limits and no faults unless somebody asks for them."""
    assert run(["tenant", "--port", "0", "--users", "1"]) == 0
    assert (started[0].graph_limits, started[0].teams_rate) == (False, None)
    assert started[0].faults is None


def test_limits_reach_the_tenant(started: list[TenantOptions]) -> None:
    """The options of throttling are those of the tenant."""
    words = ["--users", "1", "--port", "0", "--graph-limits", "--teams-rate", "50"]
    assert run(["tenant", *words]) == 0
    assert (started[0].graph_limits, started[0].teams_rate) == (True, 50.0)


def test_faults_come_from_a_file(started: list[TenantOptions], tmp_path: Path) -> None:
    """The shares of a file are in force from the start."""
    file = tmp_path / "faults.json"
    file.write_text('{"errors_500": 0.25, "seed": 7}')
    assert run(["tenant", "--port", "0", "--users", "1", "--faults", str(file)]) == 0
    assert started[0].faults is not None
    assert (started[0].faults.errors_500, started[0].faults.seed) == (0.25, 7)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"earthquakes": 0.5}', ("earthquakes",)),
        ('{"timeouts": 1.5}', ("timeouts", "1.5")),
        ('{"timeouts": -0.1}', ("timeouts", "-0.1")),
        ("not JSON", ("not JSON",)),
        (None, ("No such file",)),
    ],
)
def test_wrong_faults_are_one_line_and_status_2(
    content: str | None,
    named: tuple[str, ...],
    started: list[TenantOptions],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An unknown fault, or a share that is none, is named in one line; nothing starts."""
    file = tmp_path / "faults.json"
    if content is not None:
        file.write_text(content)
    assert run(["tenant", "--faults", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Invalid value for '--faults': ")
    assert error.count("\n") == 1
    assert str(file) in error
    assert all(word in error for word in named)
    assert started == []


@pytest.mark.parametrize("rate", ["0", "-5", "fast", "nan"])
def test_a_wrong_rate_is_one_line_and_status_2(
    rate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rate that is no positive number is refused by name and value."""
    assert run(["tenant", "--teams-rate", rate]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: Invalid value for '--teams-rate': '{rate}' is not a number")
    assert error.count("\n") == 1
