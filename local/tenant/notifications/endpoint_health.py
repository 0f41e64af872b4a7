"""Delays for webhooks that answer slowly.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#throttling, with
the project's figures: in ten minutes more than 10 % slower than 2.9 seconds delays notifications
by ten seconds, more than 15 % drops them.
"""

from collections import defaultdict, deque
from urllib.parse import urlsplit

SLOW_SECONDS = 2.9
_WINDOW_SECONDS = 600.0
_SLOW_SHARE = 0.10
_DROP_SHARE = 0.15
# One slow answer among a handful says nothing yet.
_ENOUGH = 100


class EndpointHealth:
    """Remembers how fast each host has answered in the last ten minutes."""

    def __init__(self) -> None:
        self._answers: defaultdict[str, deque[tuple[float, bool]]] = defaultdict(deque)

    def answered(self, address: str, seconds: float, now: float) -> None:
        """Note one answer, or the lack of one, and how long it took."""
        self._answers[urlsplit(address).netloc].append((now, seconds > SLOW_SECONDS))

    def is_slow(self, address: str, now: float) -> bool:
        """Whether notifications to the host wait."""
        return self._share(address, now) > _SLOW_SHARE

    def is_dropped(self, address: str, now: float) -> bool:
        """Whether notifications to the host are thrown away."""
        return self._share(address, now) > _DROP_SHARE

    def _share(self, address: str, now: float) -> float:
        answers = self._answers[urlsplit(address).netloc]
        while answers and answers[0][0] < now - _WINDOW_SECONDS:
            answers.popleft()
        if len(answers) < _ENOUGH:
            return 0.0
        return sum(slow for _, slow in answers) / len(answers)
