from pathlib import Path

import pytest

from local.host.errors import SettingError
from local.host.keys import Keys
from local.host.options import HostOptions


def test_defaults() -> None:
    """Without variables the lease is Azure's ten minutes and nothing is guarded."""
    options = HostOptions.take_from({}, Path("app"))
    assert (options.message_lease_seconds, options.drain_seconds) == (600, 30)
    assert options.keys == Keys()


def test_variables_are_taken_out_of_the_environment() -> None:
    """The app must not see the host's options: it refuses settings that it does not know."""
    environment = {
        "ACP_HOST_MESSAGE_LEASE_SECONDS": "5",
        "ACP_HOST_DRAIN_SECONDS": "1",
        "ACP_HOST_MASTER_KEY": "m",
        "ACP_MODE": "report",
    }
    options = HostOptions.take_from(environment, Path("app"))
    assert (options.message_lease_seconds, options.drain_seconds) == (5, 1)
    assert options.keys == Keys(master="m")
    assert environment == {"ACP_MODE": "report"}


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", ""])
def test_bad_seconds_are_named(value: str) -> None:
    """A value that is no whole number of seconds is refused with its name."""
    with pytest.raises(SettingError, match="ACP_HOST_DRAIN_SECONDS"):
        HostOptions.take_from({"ACP_HOST_DRAIN_SECONDS": value}, Path("app"))


def test_unknown_option_is_named() -> None:
    """A misspelled option is an error, not silence."""
    with pytest.raises(SettingError, match="ACP_HOST_LEASE is not an option"):
        HostOptions.take_from({"ACP_HOST_LEASE": "5"}, Path("app"))
