"""The rules, as a test has them."""

from dataclasses import dataclass, field

from shared.domain.decision import Rules
from shared.domain.options import DEFAULT_OPTIONS, MoveOptions
from shared.errors import AcpError


@dataclass
class FakeRules:
    """Rules that hold from the beginning; `error`: they are not known."""

    rules: Rules = field(default_factory=Rules)
    error: AcpError | None = None

    async def current(self, options: MoveOptions = DEFAULT_OPTIONS) -> Rules:
        if self.error:
            raise self.error
        return self.rules.with_numbers(options.service_number, options.toll_free_number)
