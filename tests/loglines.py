"""Reads log lines as Kusto does: the event, then `parse-kv` over what follows.

A model of the documented behavior of `parse-kv` with pair_delimiter=' ', kv_delimiter='=', quote='"'
and escape='\\\\' ("parse-kv operator", Kusto Query Language documentation), written for tests.
"""

import logging
import re

import pytest

_PAIR = re.compile(r'(?P<key>[^\s=]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>\S*))(?: |$)')


def parsed(line: str) -> tuple[str, dict[str, str]]:
    """The event of a line and its fields; the first of fields of one name counts."""
    event, _, rest = line.partition(" ")
    fields: dict[str, str] = {}
    for pair in _PAIR.finditer(rest):
        quoted = pair["quoted"]
        value = pair["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        fields.setdefault(pair["key"], value)
    return event, fields


class Lines:
    """The lines that were logged, as events with fields."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog

    @property
    def all(self) -> list[tuple[str, dict[str, str]]]:
        """Every line of the app's own loggers, in order."""
        records = self._caplog.records
        return [parsed(each.getMessage()) for each in records if each.name.startswith("acp.")]

    def of(self, event: str) -> list[dict[str, str]]:
        """The fields of each line of an event."""
        return [fields for name, fields in self.all if name == event]

    def one(self, event: str) -> dict[str, str]:
        """The fields of the only line of an event."""
        (fields,) = self.of(event)
        return fields
