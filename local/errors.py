"""What can go wrong in the stand-ins for Azure.

LocalError
├── ChildError    a child process did not start, was not ready in time, or ended
└── WaitError     a condition did not come true in time
"""


class LocalError(Exception):
    """Base of all errors of the local stand-ins; its text is meant for the person at the keyboard."""


class ChildError(LocalError):
    """A child process could not be started, was not ready in time, or ended too early."""


class WaitError(LocalError):
    """A condition did not come true within its time limit."""
