"""What a command tells the person at the keyboard when it fails.

CommandError
"""


class CommandError(Exception):
    """A command failed; the text says what was tried and what to do next. Exit status 1."""
