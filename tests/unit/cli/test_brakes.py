"""`acp pause`, `release` and `discard`: wrong input is one line, and nothing is done."""

import pytest

from cli.main import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pause"], 'error: say why with --note "..."'),
        (["pause", "--off", "--note", "x"], "error: --off ends the pause: leave out --note"),
        (["release", "RUN", "--limit", "0"], "error: Invalid value for '--limit': '0' is not"),
        (["release", "RUN", "--users", "nobody"], "error: "),
        (["discard", "RUN", "--users", " "], "error: --users: the list is empty"),
        (["discard"], "error: Missing argument 'RUN'"),
        (
            ["move", "--users", "a@x.example", "--expect", "x"],
            "error: Invalid value for '--expect'",
        ),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused before any settings are read."""
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(message)
    assert (shown.err.count("\n"), shown.out) == (1, "")
