"""`$filter` where only equality is supported: `appId eq '...' and displayName eq '...'`.

Source: https://learn.microsoft.com/graph/filter-query-parameter
"""

from collections.abc import Mapping, Sequence

from local.tenant.errors import GraphError
from local.tenant.graph.filter_tokens import Tokens, bad_filter


def read_equals(text: str | None, names: Sequence[str]) -> dict[str, str]:
    """The value wanted of each property; raises GraphError for anything else than equality."""
    if text is None or not text.strip():
        return {}
    tokens = Tokens(text)
    wanted: dict[str, str] = {}
    while True:
        kind, name = tokens.next()
        if kind != "word" or name not in names:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                f"Unsupported or invalid query filter clause specified for property '{name}'.",
            )
        if not tokens.word_is("eq"):
            raise bad_filter(f"'eq' expected, '{tokens.peek()[1]}' found.")
        tokens.next()
        wanted[name] = tokens.literal()
        if not tokens.word_is("and"):
            tokens.end()
            return wanted
        tokens.next()


def matches(shown: Mapping[str, object], wanted: Mapping[str, str]) -> bool:
    """Whether an object has all the values, whatever their case."""
    return all(str(shown[name]).lower() == value.lower() for name, value in wanted.items())
