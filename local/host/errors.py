"""What can go wrong in the local functions host.

LocalError
└── HostError
    ├── AppError         the function app cannot be loaded: its own fault, with its own message
    ├── HostJsonError    host.json says something that cannot be followed
    ├── SettingError     an app setting is missing or unusable
    ├── ScheduleError    a timer's schedule is not a valid NCRONTAB expression
    ├── RouteError       a route template cannot be read
    └── OutputError      what a function gave to an output binding cannot be sent
"""

from local.errors import LocalError


class HostError(LocalError):
    """Base of the host's errors."""


class AppError(HostError):
    """The function app cannot be loaded, or uses something that this host does not offer."""


class HostJsonError(HostError):
    """host.json is not valid, or asks for something that this host does not offer."""


class SettingError(HostError):
    """An app setting is missing or has a value that cannot be used."""


class ScheduleError(HostError):
    """A timer's schedule is not a valid NCRONTAB expression."""


class RouteError(HostError):
    """A route template cannot be read."""


class OutputError(HostError):
    """What a function gave to an output binding cannot be sent."""
