"""The $filter language, as far as users support it: text in, a predicate out.

    expression  = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term        = "(" expression ")" | "not" term | function | any | comparison
    function    = ("startswith" | "endswith") "(" property "," string ")"
    any         = collection "/any(" variable ":" expression-over-the-variable ")"
                | texts "/any(" variable ":" variable "eq" string ")"
    comparison  = property ("eq" | "ne") literal | property "in" "(" literal { "," literal } ")"

Sources: https://learn.microsoft.com/graph/filter-query-parameter and
https://learn.microsoft.com/graph/aad-advanced-queries (what needs ConsistencyLevel and $count).
"""

from collections.abc import Callable
from dataclasses import dataclass

from local.tenant.directory.people import User
from local.tenant.errors import GraphError
from local.tenant.graph.filter_tokens import MAX_CLAUSES, Tokens, bad_filter, unsupported
from local.tenant.graph.shapes import GETTERS, property_name

Test = Callable[[User], bool]

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
_TEXTS: dict[str, Callable[[User], tuple[str, ...]]] = {
    "imAddresses": lambda u: (u.sip,) if u.sip else (),
    "proxyAddresses": lambda u: u.proxy_addresses,
}
"""Collections of texts. Nothing says that the case of `smtp:` does not matter, so here it does."""

_GUIDS = frozenset({"servicePlanId", "skuId"})


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter.

    `advanced`: it needs ConsistencyLevel and $count. `plans`: when set, only users who have one
    of these service plans Enabled can match, so an index can be used instead of a scan; `exact`:
    all of those do match. `addresses`: the same, with one of these addresses in lower case.
    """

    test: Test
    plans: frozenset[str] | None = None
    exact: bool = False
    advanced: bool = False
    addresses: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a part of the expression says; the fields are those of Filter."""

    test: Test
    plans: frozenset[str] | None = None
    exact: bool = False
    addresses: frozenset[str] | None = None


def read_filter(text: str) -> Filter:
    """The filter's predicate. Raises GraphError BadRequest or Request_UnsupportedQuery."""
    try:
        return _Parser(text).read()
    except RecursionError:
        raise bad_filter("The expression is nested too deeply.") from None


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)
        self._advanced = False

    def read(self) -> Filter:
        found = self._expression()
        self._tokens.end()
        return Filter(found.test, found.plans, found.exact, self._advanced, found.addresses)

    def _expression(self) -> _Found:
        parts = [self._conjunction()]
        while self._tokens.word_is("or"):
            self._tokens.next()
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
        plans = _all_of([part.plans for part in parts])
        addresses = _all_of([part.addresses for part in parts])
        exact = all(part.exact for part in parts)
        return _Found(lambda user: any(test(user) for test in tests), plans, exact, addresses)

    def _conjunction(self) -> _Found:
        parts = [self._term()]
        while self._tokens.word_is("and"):
            self._tokens.next()
            parts.append(self._term())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        plans = next((part.plans for part in parts if part.plans is not None), None)
        return _Found(lambda user: all(test(user) for test in tests), plans)

    def _term(self) -> _Found:
        kind, text = self._tokens.peek()
        if text == "(":
            self._tokens.next()
            found = self._expression()
            self._tokens.expect(")")
            return found
        if kind != "word":
            raise bad_filter(f"A property expected, '{text}' found.")
        if text.lower() == "not":
            self._tokens.next()
            self._advanced = True
            inner = self._term().test
            return _Found(lambda user: not inner(user))
        if text.lower() in {"startswith", "endswith"}:
            return self._function()
        if self._tokens.peek(1)[1] == "/":
            return self._any()
        return self._comparison()

    def _function(self) -> _Found:
        name = self._tokens.next()[1].lower()
        self._tokens.expect("(")
        getter = GETTERS[self._plain_property()]
        self._tokens.expect(",")
        wanted = self._tokens.literal().lower()
        self._tokens.expect(")")
        if name == "endswith":
            self._advanced = True
            return _Found(lambda user: str(getter(user) or "").lower().endswith(wanted))
        return _Found(lambda user: str(getter(user) or "").lower().startswith(wanted))

    def _plain_property(self) -> str:
        text = self._tokens.next()[1]
        name = property_name(text)
        if name is None:
            raise bad_filter(
                f"Could not find a property named '{text}' on type 'microsoft.graph.user'."
            )
        if name not in _PLAIN:
            raise unsupported(name)
        return name

    def _comparison(self) -> _Found:
        name = self._plain_property()
        getter = GETTERS[name]
        operator = self._tokens.next()[1].lower()
        if operator == "in":
            wanted = frozenset(self._tokens.literals())
            return _Found(lambda user: _text(getter(user)) in wanted)
        if operator not in {"eq", "ne"}:
            raise bad_filter(f"The operator '{operator}' is not supported.")
        value = self._tokens.literal().lower()
        if operator == "ne":
            self._advanced = True
            return _Found(lambda user: _text(getter(user)) != value)
        addresses = frozenset({value}) if name == "mail" and value != "null" else None
        return _Found(lambda user: _text(getter(user)) == value, addresses=addresses)

    # -- collection/any(variable:...)

    def _any(self) -> _Found:
        text = self._tokens.next()[1]
        name = property_name(text)
        if name not in _COLLECTIONS and name not in _TEXTS:
            raise unsupported(text)
        self._tokens.expect("/")
        self._tokens.expect("any")
        self._tokens.expect("(")
        variable = self._tokens.next()[1]
        self._tokens.expect(":")
        if name in _TEXTS:
            return self._text_equal(variable, name)
        equal = [self._item_equal(variable, name)]
        while self._tokens.word_is("and"):
            self._tokens.next()
            equal.append(self._item_equal(variable, name))
        if self._tokens.word_is("or"):
            raise unsupported(name)
        self._tokens.expect(")")
        if name == "assignedPlans":
            self._advanced = True
            return _plans_any(dict(equal))
        sku_id = dict(equal)["skuId"]
        return _Found(lambda user: sku_id in user.grants)

    def _text_equal(self, variable: str, collection: str) -> _Found:
        found = self._tokens.next()[1]
        if found != variable:
            raise bad_filter(f"'{variable}' expected, '{found}' found.")
        self._tokens.expect("eq")
        wanted, getter = _spelled(self._tokens.literal()), _TEXTS[collection]
        self._tokens.expect(")")
        return _Found(
            lambda user: any(_spelled(text) == wanted for text in getter(user)),
            addresses=frozenset({wanted.rpartition(":")[2]}),
        )

    def _item_equal(self, variable: str, collection: str) -> tuple[str, str]:
        bracket = self._tokens.peek()[1] == "("
        if bracket:
            self._tokens.next()
        found = self._tokens.next()[1]
        if found != variable:
            raise bad_filter(f"'{variable}' expected, '{found}' found.")
        self._tokens.expect("/")
        text = self._tokens.next()[1]
        names = {name.lower(): name for name in _COLLECTIONS[collection]}
        if text.lower() not in names:
            raise bad_filter(f"Could not find a property named '{text}' in '{collection}'.")
        name = names[text.lower()]
        self._tokens.expect("eq")
        kind = self._tokens.peek()[0]
        if (name in _GUIDS) != (kind == "guid"):
            raise bad_filter(
                "A binary operator with incompatible types was detected. "
                f"'{collection}/{name}' was compared with '{self._tokens.peek()[1]}'."
            )
        value = self._tokens.literal()
        if bracket:
            self._tokens.expect(")")
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


def _all_of(parts: list[frozenset[str] | None]) -> frozenset[str] | None:
    """What is in one of the parts; None when a part may be anything."""
    known = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None


def _spelled(address: str) -> str:
    scheme, colon, rest = address.rpartition(":")
    return f"{scheme}{colon}{rest.lower()}"


def _text(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower()
