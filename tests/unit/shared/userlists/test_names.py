"""What counts as the name of a user, and how names come out of one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InputError
from shared.userlists.names import distinct, split_names, user_name
from tests.fakes import guid

ID = "8a6f0c1e-3b2d-4e5f-9a7b-0c1d2e3f4a5b"
BLANKS = [" ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u2028"]


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.upper(),
        ID.replace("-", ""),
        f"{{{ID}}}",
        f"({ID.upper()})",
        f"urn:uuid:{ID}",
        f"\u00a0{ID}\r\n",
    ],
)
def test_user_id_in_any_spelling(text: str) -> None:
    """A user id comes out lower-case with hyphens, however it was spelled."""
    assert user_name(text) == ID


@pytest.mark.parametrize(
    "name",
    [
        "anna@contoso.com",
        "Anna.Berg@Contoso.com",
        "o'brien+list@contoso.com",
        "anna_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "a!b@x-y.contoso.com",
        "jürgen.größe@contoso.de",
        "山田@例え.jp",
        "a@b",
        f"{'a' * 101}@contoso.com",
    ],
)
@pytest.mark.parametrize("blank", ["", *BLANKS])
def test_address_is_kept_as_written(name: str, blank: str) -> None:
    """An address comes out as it is but for the blanks around it."""
    assert user_name(f"{blank}{name}{blank}") == name


@pytest.mark.parametrize("scheme", ["sip:", "SIP:", "smtp:", "SMTP:"])
def test_sip_and_proxy_addresses(scheme: str) -> None:
    """K5: a SIP address, and a proxy address as Exchange writes it, name their user."""
    assert user_name(f" {scheme}Maria@contoso.com") == "Maria@contoso.com"
    assert list(split_names(f"{scheme}a@x.com; {scheme}$b@x.com")) == ["a@x.com", "$b@x.com"]


@pytest.mark.parametrize(
    "text",
    [
        "sip:",
        "sip:anna",
        "sip:sip:anna@contoso.com",
        "sips:anna@contoso.com",
        f"sip:{ID}",
        "",
        " ",
        "anna",
        "@contoso.com",
        "anna@",
        "anna@berg@contoso.com",
        "anna@contoso..com",
        "anna@.contoso.com",
        "anna@contoso.com.",
        "anna berg@contoso.com",
        "anna\u00a0berg@contoso.com",
        "anna@conto so.com",
        "anna\0@contoso.com",
        "anna\u200b@contoso.com",
        "\u202eanna@contoso.com",
        "anna\x1b[31m@contoso.com",
        "Anna Berg <anna@contoso.com>",
        "<anna@contoso.com>",
        "mailto:anna@contoso.com",
        '"anna"@contoso.com',
        "anna@contoso.com,",
        "CONTOSO\\anna@contoso.com",
        f"{'a' * 102}@contoso.com",
        ID[:-1],
        f"{ID}0",
        f"{{{ID}",
        f"({ID}}}",
        ID.replace("-", "", 1),
        "0x" + ID.replace("-", "")[2:],
        "٣" * 32,
        "_".join(["1" * 16] * 2)[:32],
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Whatever is neither is refused with one visible line that says what was expected."""
    with pytest.raises(InputError, match=r"names no user: expected a user id \(GUID\)") as caught:
        user_name(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("character", ["a", "'", "\n", "\U000e0001"])
def test_long_value_is_cut_in_the_message(character: str) -> None:
    """A value of a megabyte takes 80 characters of the message at most."""
    with pytest.raises(InputError) as caught:
        user_name(f"x{character * 1_000_000}x")
    value = str(caught.value).partition(" names no user")[0]
    assert len(value) == 80
    assert value.endswith("...")


@given(st.text())
def test_name_of_a_name_is_the_name(text: str) -> None:
    """No text makes it raise anything but InputError, and a name that was taken is taken again as it is."""
    try:
        name = user_name(text)
    except InputError:
        return
    assert user_name(name) == name


@given(
    st.lists(st.sampled_from([ID, "anna@contoso.com", "o'brien@contoso.com", "a#EXT#@b.c"])),
    st.lists(st.sampled_from([",", ";", *BLANKS]), min_size=1).map("".join),
)
def test_names_in_one_text(names: list[str], separator: str) -> None:
    """Names come back in order whatever separates them; empty parts are nothing."""
    assert list(split_names(separator.join(names))) == names
    assert list(split_names(separator + separator.join(names) + separator)) == names


@pytest.mark.parametrize("text", ["", " \n", ",;, ;\u00a0"])
def test_text_without_names(text: str) -> None:
    """A text of separators has no names, and that is no error here."""
    assert list(split_names(text)) == []


def test_wrong_name_is_counted() -> None:
    """The error gives the position among the names, and those before it have come."""
    names = split_names(f"anna@contoso.com;; {ID}, bert, carl@contoso.com")
    assert [next(names), next(names)] == ["anna@contoso.com", ID]
    with pytest.raises(InputError, match=r"^name 3: 'bert' names no user"):
        next(names)


def test_distinct_keeps_the_first_spelling() -> None:
    """A name that differs in case alone comes once; the two of ß and ss are two users."""
    names = ["Bo@x.de", "anna@x.de", "BO@X.DE", "weiß@x.de", "weiss@x.de", "anna@x.de"]
    assert list(distinct(names)) == ["Bo@x.de", "anna@x.de", "weiß@x.de", "weiss@x.de"]


@given(st.lists(st.integers(0, 9).map(lambda number: f"{guid(number)}")))
def test_distinct_is_each_once_in_order(names: list[str]) -> None:
    """Nothing is lost, nothing comes twice and the order stays."""
    assert list(distinct(names)) == list(dict.fromkeys(names))


def test_distinct_does_not_wait_for_the_end() -> None:
    """The first names come before the last ones are read."""
    source = iter(["a@x.com", "b@x.com"])
    assert next(distinct(source)) == "a@x.com"
    assert list(source) == ["b@x.com"]
