"""Error that ends a command."""


class CommandError(Exception):
    """A command failed; the text says what was tried and what to do next, `status` is the exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status
