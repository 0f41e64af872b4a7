"""What each error is over HTTP: no named error is a 500, and who may try again is told when."""

import json

import pytest

from functions.http.responses import problem, status_of
from shared import errors
from shared.errors import AcpError, BusyError, NotPermittedError, StaleError


def kinds(kind: type[AcpError]) -> set[type[AcpError]]:
    """A kind of error and all kinds of it."""
    return {kind}.union(*(kinds(each) for each in kind.__subclasses__()))


@pytest.mark.parametrize("error", [BusyError("page 1 was just begun"), StaleError("run 'x'")])
def test_what_another_instance_does_is_tried_again(error: AcpError) -> None:
    """Lost the race, as often as it was tried: 503 with Retry-After, and no 500."""
    answer = problem(error)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert json.loads(answer.get_body()) == {
        "title": "Service Unavailable",
        "status": 503,
        "detail": str(error),
    }


def test_every_kind_of_error_has_a_status() -> None:
    """A new kind in shared/errors.py that no status fits would be a 500."""
    own = {kind for kind in kinds(AcpError) if kind.__module__ == errors.__name__}
    own -= {AcpError, NotPermittedError}  # the latter is 401 or 403, by who asks
    unknown = {kind.__name__ for kind in own if status_of(kind.__new__(kind)) == 500}
    assert (len(own) > 15, unknown) == (True, set())
