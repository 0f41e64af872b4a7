"""How long a queue listener waits between two empty polls.

RandomizedExponentialBackoffStrategy of the queues extension
(https://github.com/Azure/azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Common):
the least delay plus 2^n times that delay, give or take a fifth, up to the longest.
"""

import random

MINIMUM = 0.1
"""Seconds; QueuePollingIntervals.Minimum."""

_SPREAD = 0.2


class Backoff:
    """Delays in seconds, from `MINIMUM` up to `maximum`; `source` makes the jitter."""

    def __init__(self, maximum: float, source: random.Random | None = None) -> None:
        self._maximum = maximum
        self._random = source or random.Random()  # noqa: S311 - jitter, not a secret
        self._current = 0.0
        self._exponent = 0

    def next_delay(self, *, found: bool) -> float:
        """The next delay; `found` says whether messages were found since the last one."""
        if found:
            self._current, self._exponent = min(MINIMUM, self._maximum), 1
        elif self._current != self._maximum:
            delay = MINIMUM
            if self._exponent:
                jitter = self._random.uniform(1 - _SPREAD, 1 + _SPREAD)
                delay += jitter * 2 ** (self._exponent - 1) * MINIMUM
            if delay < self._maximum:
                self._current = delay
                self._exponent += 1
            else:
                self._current = self._maximum
        return self._current
