import pytest

from local.host.errors import RouteError
from local.host.route_templates import RouteTemplate

GUID = "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11"

MATCHES = [
    ("users", "/users", {}),
    ("users", "/USERS/", {}),
    ("Users/{Id}", "/users/Ab", {"Id": "Ab"}),
    ("users/{id}", "/users", None),
    ("users/{id}", "/users/1/2", None),
    ("users/{id?}", "/users", {}),
    ("users/{id?}", "/users/7", {"id": "7"}),
    ("users/{id=me}", "/users", {"id": "me"}),
    ("users/{id=me}", "/users/7", {"id": "7"}),
    ("files/{*rest}", "/files/a/b/c.txt", {"rest": "a/b/c.txt"}),
    ("files/{*rest}", "/files", {}),
    ("files/{**rest}", "/files/a", {"rest": "a"}),
    ("{a}/{b}", "/x/y", {"a": "x", "b": "y"}),
    ("v{version}/users", "/v12/users", {"version": "12"}),
    ("v{version}/users", "/v/users", None),
    ("report.{kind}", "/Report.csv", {"kind": "csv"}),
    ("{id:guid}", f"/{GUID}", {"id": GUID}),
    ("{id:guid}", "/not-a-guid", None),
    ("{id:guid?}", "/", {}),
    ("{n:int}", "/-5", {"n": "-5"}),
    ("{n:int}", "/2147483648", None),
    ("{n:long}", "/2147483648", {"n": "2147483648"}),
    ("{n:int}", "/5x", None),
    ("{b:bool}", "/True", {"b": "True"}),
    ("{b:bool}", "/yes", None),
    ("{a:alpha}", "/abc", {"a": "abc"}),
    ("{a:alpha}", "/ab1", None),
    ("{d:decimal}", "/1,234.5", {"d": "1,234.5"}),
    ("{d:double}", "/x", None),
    ("{s:length(3)}", "/abc", {"s": "abc"}),
    ("{s:length(3)}", "/abcd", None),
    ("{s:length(2,3)}", "/ab", {"s": "ab"}),
    ("{s:minlength(3)}", "/ab", None),
    ("{s:maxlength(3)}", "/abcd", None),
    ("{n:min(5)}", "/4", None),
    ("{n:max(5)}", "/6", None),
    ("{n:range(1,9)}", "/9", {"n": "9"}),
    ("{n:range(1,9)}", "/10", None),
    ("{n:int:min(5)}", "/7", {"n": "7"}),
    ("{n:int:min(5)}", "/3", None),
    ("{s:regex(^\\d{{2}}$)}", "/42", {"s": "42"}),
    ("{s:regex(^\\d{{2}}$)}", "/421", None),
    ("{s:regex(^(a|b/c)$)?}", "/", {}),
    ("{s:required}", "/x", {"s": "x"}),
    ("", "/", {}),
    ("", "/x", None),
]


@pytest.mark.parametrize(("template", "path", "expected"), MATCHES)
def test_match(template: str, path: str, expected: dict[str, str] | None) -> None:
    """A template gives the parameters of the paths that it fits, and None for the others."""
    assert RouteTemplate.parse(template).match(path) == expected


def test_the_more_specific_template_comes_first() -> None:
    """Literals go before constrained parameters, those before plain ones, catch-alls last."""
    texts = ["{*all}", "a/{x}", "{x}", "a/b", "a/{x:int}", "{*all:minlength(2)}", "a"]
    ordered = sorted((RouteTemplate.parse(text) for text in texts), key=lambda t: t.precedence)
    assert [template.text for template in ordered] == [
        "a",
        "a/b",
        "a/{x:int}",
        "a/{x}",
        "{x}",
        "{*all:minlength(2)}",
        "{*all}",
    ]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{id", "unbalanced"),
        ("{a}{b}", "cannot be read"),
        ("{x}/{X}", "twice"),
        ("{x?}/b", "only the last"),
        ("{*x}/b", "only the last"),
        ("{x:nosuch}", "known are alpha"),
        ("{x:length(a)}", "length"),
        ("{x:length(1,2,3)}", "one or two"),
        ("{x:regex([)}", "regex"),
        ("{}", "cannot be read"),
    ],
)
def test_unreadable_template_is_refused(template: str, message: str) -> None:
    """A template that cannot be kept is refused when the app loads, not when a request comes."""
    with pytest.raises(RouteError, match=message):
        RouteTemplate.parse(template)
