import json

import pytest

from local.host.errors import AppError
from local.host.functions import Function


def raw(type_: str, name: str, direction: str = "IN", **settings: object) -> str:
    """One binding in its function.json form."""
    return json.dumps({"type": type_, "name": name, "direction": direction, **settings})


def test_trigger_and_outputs_are_told_apart() -> None:
    """A function has one trigger; outputs keep their settings."""
    function = Function.from_bindings(
        "f",
        "id",
        [raw("queue", "out", "OUT", queueName="q"), raw("timerTrigger", "t", schedule="x")],
    )
    assert function.trigger.text("schedule") == "x"
    assert [output.text("queueName") for output in function.outputs] == ["q"]
    assert function.trigger.text("missing") == ""


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ([raw("blobTrigger", "b")], "blobTrigger"),
        ([raw("timerTrigger", "t"), raw("table", "out", "OUT")], "'table'"),
        ([raw("timerTrigger", "t"), raw("blob", "in")], "'blob'"),
        ([raw("queue", "out", "OUT")], "no trigger"),
    ],
)
def test_what_the_host_does_not_offer_is_refused(bindings: list[str], message: str) -> None:
    """A binding that would silently do nothing here stops the host instead."""
    with pytest.raises(AppError, match=message):
        Function.from_bindings("f", "id", bindings)
