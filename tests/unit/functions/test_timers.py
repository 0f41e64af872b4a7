"""What a timer does: one job, or several of which none waits for another's success."""

import ast
from pathlib import Path

import functions


def timers() -> dict[str, ast.AsyncFunctionDef]:
    """The functions with a timer trigger, by name."""
    return {
        function.name: function
        for path in Path(functions.__path__[0]).glob("*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.AsyncFunctionDef)
        and any("timer_trigger" in ast.unparse(each) for each in function.decorator_list)
    }


def test_no_job_of_a_timer_is_left_out_because_another_fails() -> None:
    """A timer awaits one thing; several jobs are an `each_of` or of the tick: all run whatever fails."""
    found = timers()
    assert found.keys() == {"tick", "sweep_providers", "keep_subscription", "clean_up"}
    several = {
        name
        for name, function in found.items()
        if sum(isinstance(node, ast.Await) for node in ast.walk(function)) != 1
    }
    assert several == set()
    jobs = "app.protection.remember, app.subscriber.keep, app.rule_checker.check, app.capabilities."
    assert f"each_of({jobs}look_if_due)" in ast.unparse(found["keep_subscription"])
