"""The $filter language, as far as users support it: text in, a predicate out.

    expression  = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term        = "(" expression ")" | "not" term | function | any | comparison
    function    = ("startswith" | "endswith") "(" property "," string ")"
    any         = collection "/any(" variable ":" expression-over-the-variable ")"
    comparison  = property ("eq" | "ne") literal | property "in" "(" literal { "," literal } ")"

Sources: https://learn.microsoft.com/graph/filter-query-parameter and
https://learn.microsoft.com/graph/aad-advanced-queries (what needs ConsistencyLevel and $count).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.tenant.errors import GraphError
from local.tenant.graph_shapes import GETTERS, property_name
from local.tenant.people import User

Test = Callable[[User], bool]

MAX_CLAUSES = 15
_PLAIN = frozenset(
    {
        "accountEnabled", "displayName", "givenName", "id", "mail", "mailNickname",
        "surname", "usageLocation", "userPrincipalName", "userType",
    }
)  # fmt: skip
_COLLECTIONS: dict[str, tuple[str, ...]] = {
    "assignedPlans": ("servicePlanId", "capabilityStatus", "service", "assignedDateTime"),
    "assignedLicenses": ("skuId",),
}
_GUIDS = frozenset({"servicePlanId", "skuId"})
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<word>[A-Za-z_@][A-Za-z0-9_.]*)"
    r"|(?P<mark>[(),:/]))"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter.

    `advanced`: it needs ConsistencyLevel and $count. `plans`: when set, only users who have one
    of these service plans Enabled can match, so an index can be used instead of a scan; `exact`:
    all of those do match.
    """

    test: Test
    plans: frozenset[str] | None = None
    exact: bool = False
    advanced: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """What a part of the expression says; the fields are those of Filter."""

    test: Test
    plans: frozenset[str] | None = None
    exact: bool = False


def _bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Invalid filter clause: {message}")


def _unsupported(name: str) -> GraphError:
    return GraphError(
        400,
        "Request_UnsupportedQuery",
        f"Unsupported or invalid query filter clause specified for property '{name}' of resource "
        "'User'.",
    )


def read_filter(text: str) -> Filter:
    """The filter's predicate. Raises GraphError BadRequest or Request_UnsupportedQuery."""
    return _Parser(text).read()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokenize(text)
        self._at = 0
        self._advanced = False

    def read(self) -> Filter:
        found = self._expression()
        if self._at < len(self._tokens):
            raise _bad(f"Syntax error at '{self._tokens[self._at][1]}'.")
        return Filter(found.test, found.plans, found.exact, self._advanced)

    # -- tokens

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ("end", "end of the expression")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, text: str) -> None:
        _, found = self._next()
        if found.lower() != text:
            raise _bad(f"'{text}' expected, '{found}' found.")

    def _word_is(self, *words: str) -> bool:
        kind, text = self._peek()
        return kind == "word" and text.lower() in words

    # -- grammar

    def _expression(self) -> _Found:
        parts = [self._conjunction()]
        while self._word_is("or"):
            self._next()
            parts.append(self._conjunction())
        if len(parts) > MAX_CLAUSES:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                "Too many child clauses specified in search filter expression containing 'OR' "
                f"operators: {len(parts)}. Max allowed: {MAX_CLAUSES}.",
            )
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        plans: frozenset[str] | None = frozenset()
        for part in parts:
            plans = None if plans is None or part.plans is None else plans | part.plans
        exact = all(part.exact for part in parts)
        return _Found(lambda user: any(test(user) for test in tests), plans, exact)

    def _conjunction(self) -> _Found:
        parts = [self._term()]
        while self._word_is("and"):
            self._next()
            parts.append(self._term())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        plans = next((part.plans for part in parts if part.plans is not None), None)
        return _Found(lambda user: all(test(user) for test in tests), plans)

    def _term(self) -> _Found:
        kind, text = self._peek()
        if text == "(":
            self._next()
            found = self._expression()
            self._expect(")")
            return found
        if kind != "word":
            raise _bad(f"A property expected, '{text}' found.")
        if text.lower() == "not":
            self._next()
            self._advanced = True
            inner = self._term().test
            return _Found(lambda user: not inner(user))
        if text.lower() in {"startswith", "endswith"}:
            return self._function()
        if self._peek(1)[1] == "/":
            return self._any()
        return self._comparison()

    def _function(self) -> _Found:
        name = self._next()[1].lower()
        self._expect("(")
        getter = GETTERS[self._plain_property()]
        self._expect(",")
        wanted = self._literal().lower()
        self._expect(")")
        if name == "endswith":
            self._advanced = True
            return _Found(lambda user: str(getter(user) or "").lower().endswith(wanted))
        return _Found(lambda user: str(getter(user) or "").lower().startswith(wanted))

    def _plain_property(self) -> str:
        text = self._next()[1]
        name = property_name(text)
        if name is None:
            raise _bad(f"Could not find a property named '{text}' on type 'microsoft.graph.user'.")
        if name not in _PLAIN:
            raise _unsupported(name)
        return name

    def _comparison(self) -> _Found:
        getter = GETTERS[self._plain_property()]
        operator = self._next()[1].lower()
        if operator == "in":
            wanted = frozenset(self._list())
            return _Found(lambda user: _text(getter(user)) in wanted)
        if operator not in {"eq", "ne"}:
            raise _bad(f"The operator '{operator}' is not supported.")
        value = self._literal().lower()
        if operator == "ne":
            self._advanced = True
            return _Found(lambda user: _text(getter(user)) != value)
        return _Found(lambda user: _text(getter(user)) == value)

    def _list(self) -> list[str]:
        self._expect("(")
        values = [self._literal().lower()]
        while self._peek()[1] == ",":
            self._next()
            values.append(self._literal().lower())
        self._expect(")")
        if len(values) > MAX_CLAUSES:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                f"Too many values in the 'in' operator: {len(values)}. Max allowed: {MAX_CLAUSES}.",
            )
        return values

    def _literal(self) -> str:
        kind, text = self._next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "guid" or (kind == "word" and text.lower() in {"true", "false", "null"}):
            return text
        raise _bad(f"A value expected, '{text}' found.")

    # -- collection/any(variable:...)

    def _any(self) -> _Found:
        text = self._next()[1]
        name = property_name(text)
        if name not in _COLLECTIONS:
            raise _unsupported(text)
        self._expect("/")
        self._expect("any")
        self._expect("(")
        variable = self._next()[1]
        self._expect(":")
        equal = [self._item_equal(variable, name)]
        while self._word_is("and"):
            self._next()
            equal.append(self._item_equal(variable, name))
        if self._word_is("or"):
            raise _unsupported(name)
        self._expect(")")
        if name == "assignedPlans":
            self._advanced = True
            return _plans_any(dict(equal))
        sku_id = dict(equal)["skuId"]
        return _Found(lambda user: sku_id in user.grants)

    def _item_equal(self, variable: str, collection: str) -> tuple[str, str]:
        bracket = self._peek()[1] == "("
        if bracket:
            self._next()
        found = self._next()[1]
        if found != variable:
            raise _bad(f"'{variable}' expected, '{found}' found.")
        self._expect("/")
        text = self._next()[1]
        names = {name.lower(): name for name in _COLLECTIONS[collection]}
        if text.lower() not in names:
            raise _bad(f"Could not find a property named '{text}' in '{collection}'.")
        name = names[text.lower()]
        self._expect("eq")
        kind = self._peek()[0]
        if (name in _GUIDS) != (kind == "guid"):
            raise _bad(
                "A binary operator with incompatible types was detected. "
                f"'{collection}/{name}' was compared with '{self._peek()[1]}'."
            )
        value = self._literal()
        if bracket:
            self._expect(")")
        return name, value.lower() if name in _GUIDS else value


def _plans_any(equal: dict[str, str]) -> _Found:
    wanted = list(equal.items())

    def test(user: User) -> bool:
        return any(
            all(plan.get(name, "").lower() == value.lower() for name, value in wanted)
            for plan in user.plans
        )

    both = set(equal) == {"servicePlanId", "capabilityStatus"}
    if both and equal["capabilityStatus"].lower() == "enabled":
        return _Found(test, frozenset({equal["servicePlanId"]}), exact=True)
    return _Found(test)


def _text(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower()


def _tokenize(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _bad(f"Syntax error at position {at} in '{text[:200]}'.")
        kind = str(match.lastgroup)
        tokens.append((kind, match.group(kind)))
        at = match.end()
    return tokens
