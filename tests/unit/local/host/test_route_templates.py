"""Which paths a route template fits, and which templates there are."""

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
    ("users/{id}/saved", "/users/1/saved", {"id": "1"}),
    ("users/{id}/saved", "/users/1/other", None),
    ("files/{*rest}", "/files/a/b/c.txt", {"rest": "a/b/c.txt"}),
    ("files/{*rest}", "/files", {}),
    ("files/{*rest}", "/other/a", None),
    ("{a}/{b}", "/x/y", {"a": "x", "b": "y"}),
    ("{id:guid}", f"/{GUID}", {"id": GUID}),
    ("{id:guid}", "/not-a-guid", None),
    ("{id:guid}", f"/urn:uuid:{GUID}", None),
    ("", "/", {}),
    ("", "/x", None),
]


@pytest.mark.parametrize(("template", "path", "expected"), MATCHES)
def test_match(template: str, path: str, expected: dict[str, str] | None) -> None:
    """A template gives the parameters of the paths that it fits, and None for the others."""
    assert RouteTemplate.parse(template).match(path) == expected


def test_the_more_specific_template_comes_first() -> None:
    """Literals go before GUIDs, those before plain parameters, and the rest of a path last."""
    texts = ["{*all}", "a/{x}", "{x}", "a/b", "a/{x:guid}", "a"]
    ordered = sorted((RouteTemplate.parse(text) for text in texts), key=lambda t: t.precedence)
    assert [template.text for template in ordered] == [
        "a",
        "a/b",
        "a/{x:guid}",
        "a/{x}",
        "{x}",
        "{*all}",
    ]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{id", "not '{id'"),
        ("a}", "not 'a}'"),
        ("{}", "not '{}'"),
        ("{a}{b}", "not '{a}{b}'"),
        ("v{version}", "not 'v{version}'"),
        ("users/{id?}", r"not '{id\?}'"),
        ("users/{id=me}", "not '{id=me}'"),
        ("{n:int}", "not '{n:int}'"),
        ("{id:guid:required}", "the local host takes literals, {name}, {name:guid} and"),
        ("{**rest}", "not '"),
        ("{x}/{X}", "twice"),
        ("{*x}/b", "only the last"),
    ],
)
def test_other_templates_are_refused(template: str, message: str) -> None:
    """A template that this host does not take is refused when the app loads, not when a request comes."""
    with pytest.raises(RouteError, match=message):
        RouteTemplate.parse(template)
