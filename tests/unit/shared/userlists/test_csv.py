"""The users of a CSV file: any encoding, delimiter and line end, and what bad and hostile files do."""

import csv
import tracemalloc
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from string import ascii_letters, digits
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.options import OwnNumbers
from shared.errors import InputError
from shared.text import defused
from shared.userlists.csv_file import COLUMNS, BadLine, CsvUser, csv_users, own_numbers
from shared.userlists.names import user_name
from tests.fakes import guid


def csv_names(file: BinaryIO, column: str | None = None) -> Iterator[str | BadLine]:
    """The name in each row, or why a line has none."""
    return (row if isinstance(row, BadLine) else row.name for row in csv_users(file, column))


ENCODINGS = {
    "utf-8": ("utf-8", b""),
    "utf-8 with mark": ("utf-8", BOM_UTF8),
    "utf-16-le": ("utf-16-le", b""),
    "utf-16-le with mark": ("utf-16-le", BOM_UTF16_LE),
    "utf-16-be": ("utf-16-be", b""),
    "utf-16-be with mark": ("utf-16-be", BOM_UTF16_BE),
    "windows-1252": ("cp1252", b""),
}
LETTERS = {"windows-1252": "éüñ", "utf-16-le": "", "utf-16-be": ""}
"""Letters beyond ASCII to test an encoding with, where not every one will do."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
LINE_ENDS = {"CRLF": "\r\n", "LF": "\n", "CR": "\r"}


def encoded(text: str, encoding: str = "utf-8") -> BytesIO:
    """A file of this text, with the byte order mark that belongs to `encoding`."""
    codec, mark = ENCODINGS[encoding]
    return BytesIO(mark + text.encode(codec))


def names(text: str | bytes, column: str | None = None) -> list[str | BadLine]:
    """What a file of this content yields."""
    return list(csv_names(BytesIO(text if isinstance(text, bytes) else text.encode()), column))


def numbers(found: Sequence[str | BadLine]) -> list[str | int]:
    """The names, and of each bad line the number."""
    return [item.number if isinstance(item, BadLine) else item for item in found]


def user_names(letters: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Ids and addresses of these letters; none begins with `#`, for an unquoted one would be a comment."""
    plain = letters | st.sampled_from(digits)
    label = st.text(plain, min_size=1, max_size=12)
    local = st.tuples(plain, st.text(plain | st.sampled_from("'+#!._-"), max_size=30)).map("".join)
    domain = st.lists(label, min_size=1, max_size=4).map(".".join)
    return st.uuids().map(str) | st.tuples(local, domain).map("@".join)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_encodings_delimiters_and_line_ends(encoding: str, delimiter: str, line_end: str) -> None:
    """The same table comes out of a file however it was saved, with the same line numbers."""
    rows = [
        "# exported by hand",
        "",
        delimiter.join(["Display Name", "User Principal Name", "City"]),
        delimiter.join(["Anna", "anna@contoso.com", "Köln"]),
        delimiter.join([f'"Berg{delimiter} ""Bo""{line_end}#2"', '"bo@contoso.com"', "Malmö"]),
        delimiter.join(["", "", ""]),
        delimiter.join(["Nobody", "nobody", ""]),
        delimiter.join(["Carl", guid(1).upper(), "Zürich"]),
    ]
    found = list(csv_names(encoded(line_end.join(rows), encoding)))
    assert numbers(found) == ["anna@contoso.com", "bo@contoso.com", 8, guid(1)]


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_csv_writes_comes_back(data: st.DataObject) -> None:
    """Names that Python's csv writes come back the same, beside other columns and without a header too."""
    encoding = data.draw(st.sampled_from(list(ENCODINGS)))
    other = LETTERS.get(encoding)
    letters = (
        st.characters(categories=["L"]) if other is None else st.sampled_from(ascii_letters + other)
    )
    written = data.draw(st.lists(user_names(letters), max_size=8))
    beside = st.text(st.sampled_from(' ab,;\t"\n'), max_size=6)
    file = StringIO()
    writer = csv.writer(
        file,
        delimiter=data.draw(st.sampled_from(list(DELIMITERS.values()))),
        lineterminator=data.draw(st.sampled_from(list(LINE_ENDS.values()))),
        quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    if data.draw(st.booleans()):
        writer.writerow(["Notes", "UserPrincipalName", "City"])
        writer.writerows([data.draw(beside), name, data.draw(beside)] for name in written)
    else:
        writer.writerows([name, "x"] for name in written)
    assert list(csv_names(encoded(file.getvalue(), encoding))) == written


PIECES = [bytes([each]) for each in b'",;\t\r\n\0# \xe9\x81']
PIECES += [b'""', b"a\0", b"\0a", BOM_UTF16_LE, BOM_UTF8]
PIECES += [b"anna@contoso.com", b"UPN", b"mail", b"sep=;", b"sep="]


@given(
    st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join),
    st.none() | st.sampled_from(["UPN", "", "x"]),
)
@settings(deadline=None)
def test_any_bytes(content: bytes, column: str | None) -> None:
    """No content makes it raise anything but InputError; what comes are names and lines that there are."""
    found: list[str | BadLine] = []
    message = ""
    try:
        found.extend(csv_names(BytesIO(content), column))
    except InputError as error:
        message = str(error)
    assert message.isprintable()
    bad = [item for item in found if isinstance(item, BadLine)]
    lines = [item.number for item in bad]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= content.count(b"\n") + content.count(b"\r") + 1 for line in lines)
    assert all(item.reason.isprintable() for item in bad)
    assert all(user_name(item) == item for item in found if isinstance(item, str))


FAULTS = ["nobody", '"', '"x', '"x"y', "a\0@x.com", "x" * 65_537, '"a\0', f'"{"x" * 65_537}']


@given(
    st.lists(st.uuids().map(str), min_size=1, max_size=130),
    st.sampled_from(FAULTS),
    st.integers(min_value=1),
)
@settings(deadline=None, max_examples=60)
def test_fault_costs_one_line(users: list[str], fault: str, place: int) -> None:
    """A faulty line is reported with its number, and every other line is read, also after a stray quote."""
    place = place % len(users) + 1
    found = numbers(names("\n".join([*users[:place], fault, *users[place:]])))
    assert found == [*users[:place], place + 1, *users[place:]]


TABLES: dict[str, tuple[str, list[str | int]]] = {
    "nothing": ("", []),
    "blank lines": ("\n \n\t\n,,\n", []),
    "a remark": ("# nothing\n", []),
    "marks": ("\ufeff\ufeff", []),
    "a header": ("UPN", []),
    "a separator": ("sep=;", []),
    "of several known headers the best counts": ("id,mail,UPN\n1,m@x.com,u@x.com", ["u@x.com"]),
    "of two that are the same the first": ("UPN,upn\nu@x.com,v@x.com", ["u@x.com"]),
    "no header: the first with a user": ("1;a@x.com;b@x.com\n2;c@x.com;", ["a@x.com", "c@x.com"]),
    "a row with a user is no header": ("a@x.com,user\nb@x.com,guest", ["a@x.com", "b@x.com"]),
    "a bad header above one column": ("U\0PN\na@x.com\n", [1, "a@x.com"]),
    "a separator that is named": ("sep=;\nUPN;x,y,z\na@x.com;1\n", ["a@x.com"]),
    "in quotes": ('"SEP=|"\r\nName|UPN\r\nx,y|a@x.com\r\n', ["a@x.com"]),
    "a tab": ("sep=\t\nName\tUPN\nx\ta@x.com", ["a@x.com"]),
    "of PowerShell": ('#TYPE Selected.User, "x\n"UPN"\n"a@x.com"\n#"b@x.com\n', ["a@x.com"]),
    "separators in quotes": ('"a;b;c",UPN\nx,a@x.com', ["a@x.com"]),
    "blank lines count": ("a@x.com\n\n\n# x\nb\nc@x.com\n", ["a@x.com", 5, "c@x.com"]),
    "lines in a field": ('UPN,x\na@x.com,"1\n2\n\n#4"\nb,1\n', ["a@x.com", 6]),
    "lines in a name": ('UPN\n"a\n@x.com"\nb@x.com', [2, "b@x.com"]),
    "short rows": ("x,UPN\n1\n2,\n3,c@x.com,more\n", [2, 3, "c@x.com"]),
    "blanks before quotes": ('x, UPN\n"1", "a@x.com"\n', ["a@x.com"]),
    "a NUL in a field": ('UPN,x\na@x.com,"1\n2\0"\nb@x.com,1\n', [2, 3, "b@x.com"]),
    "a line of NULs": ("UPN\n" + "\0" * 30 + "\na@x.com", [2, "a@x.com"]),
    "a quote without an end": ('UPN\na@x.com\n"b@x.com', ["a@x.com", 3]),
    "two marks": ("\ufeff\ufeffUPN\na@x.com", ["a@x.com"]),
    "a mark inside": ("UPN\na@x.com\n\ufeffb@x.com\n", ["a@x.com", "b@x.com"]),
    "K3: a name with a hash": (
        "# x\nUPN\n#d@x.com\n# a@x.com too\nb@x.com",
        ["#d@x.com", "b@x.com"],
    ),
    "K14: our own apostrophe": (f"user\n{defused('-dash.desk@x.com')}\n", ["-dash.desk@x.com"]),
    "K12: an example without a template": ("Name,UPN\nExample: Anna,anna@x.com\n", ["anna@x.com"]),
}


@pytest.mark.parametrize(("text", "found"), TABLES.values(), ids=TABLES)
def test_tables(text: str, found: list[str | int]) -> None:
    """What each of these files yields: names, and the numbers of bad lines."""
    assert numbers(names(text)) == found


@pytest.mark.parametrize(
    "header", [*COLUMNS, "E-Mail", "object id", "USER_PRINCIPAL_NAME", '" Upn "']
)
def test_known_headers(header: str) -> None:
    """A known header names the column, whatever its case, blanks, underscores and hyphens."""
    assert names(f"Name,{header}\nanna,anna@contoso.com\n") == ["anna@contoso.com"]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        *(("UPN,Owner", column) for column in ("Owner", " OWNER", "owner ")),
        ("mail,User principal name", "UserPrincipalName"),
        ("mail,user_principal_name", "UserPrincipalName"),
        ("mail,User name [userPrincipalName] Required", "UserPrincipalName"),
        ("User Name,UserName", "username"),
    ],
)
def test_named_column(header: str, column: str) -> None:
    """K13: it counts before any known header, in any spelling, and an exact one before others."""
    assert names(f"{header}\na@x.com,b@x.com", column) == ["b@x.com"]


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (b"\nUPN;City\na@x;b", "Owner", "2: no column 'Owner': the columns are 'UPN', 'City'$"),
        (b";".join([b"x" * 1000] * 60), "Owner", "1: no column 'Owner': .{,1900} and 40 more$"),
        (b"User Name,UserName\nb@x,a@x", "user-name", "1: column 'user-name' could be several"),
        (b"Name,Phone\nanna,1\n", None, "1: no column of users: the columns are 'Name', 'Phone'; "),
        (b'"a\n@x.com",1\nb@x.com,2', None, "1: no column of users"),
        (b"U\0PN,Manager\na@x.com,b@x.com\n", None, "2: a line before it, the header perhaps"),
        (b"a@x\r\n\xfc@x\r\n\x81@x", None, "3: cannot be read as utf-8 or windows-1252"),
        (b"a@x\n" * 40_000 + b"\x81\xff", None, "40001: cannot be read as utf-8 or windows-1252"),
        (BOM_UTF8 + b"a@x.com\rb\xff", None, "2: cannot be read as utf-8:"),
        (BOM_UTF16_LE + b"a\0\n\0\n\0x", None, "3: cannot be read as utf-16-le"),
        (BOM_UTF16_BE + b"\xd8\x00\x00a", None, "1: cannot be read as utf-16-be"),
    ],
)
def test_file_that_is_refused(content: bytes, column: str | None, message: str) -> None:
    """The error gives the line and what is wrong, in a text that stays short; no name comes before it."""
    found: list[str | BadLine] = []
    with pytest.raises(InputError, match=f"^line {message}"):
        found.extend(csv_names(BytesIO(content), column))
    assert [item for item in found if isinstance(item, str)] == []


def test_no_column_of_users_says_what_would_help() -> None:
    """Where nothing tells which column it is, the error lists the headers that would."""
    with pytest.raises(InputError) as caught:
        names("Name,Phone\nanna,1\n")
    assert all(
        name in str(caught.value) for name in (*COLUMNS, "name the column if it is another one")
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2", "too few columns: 1, and the user is in column 2"),
        ("2, ", "no user in column 2"),
        ("2,bo", "'bo' names no user"),
        ('2,"bo', "an unbalanced quote"),
        ('2,"bo"x', "an unbalanced quote"),
        ("2,b\0", "a NUL character"),
        (f"2,{'b' * 65_535}", "longer than 65,536 characters"),
    ],
)
def test_reasons(row: str, reason: str) -> None:
    """Each fault is told by its own reason."""
    found = names(f"Nr,UPN\n1,a@x.com\n{row}\n")[1]
    assert isinstance(found, BadLine)
    assert found.number == 3
    assert found.reason.startswith(reason)


def test_limits_are_exact() -> None:
    """A line of 65,536 characters and a row of 100 lines are read, one more is not; comments have none."""
    padding = "x" * (65_536 - len("a@x.com,"))
    assert names(f"a@x.com,{padding}\nb@x.com") == ["a@x.com", "b@x.com"]
    assert numbers(names(f"a@x.com\nb@x.com,{padding}x\nc@x.com")) == ["a@x.com", 2, "c@x.com"]
    assert numbers(names('UPN,x\na@x.com,"' + "\n" * 99 + '"')) == ["a@x.com"]
    assert numbers(names('UPN,x\na@x.com,"' + "\n" * 100 + '"')) == [2, 102]
    for size, found in ((32_765, ["a@x.com"]), (32_766, [2, 3])):
        half = "x" * size
        assert numbers(names(f'UPN,x\na@x.com,"{half[4:]}\n{half}"')) == found
    assert names(f"#{padding}{padding}\na@x.com") == ["a@x.com"]


def test_characters_across_pieces() -> None:
    """Characters and line ends that fall on the border of two pieces stay whole, wherever it falls."""
    for shift in range(4):
        written = ["a" * shift + "@x.com"] * bool(shift) + ["ü€\U00020000@x.com"] * 5_000
        for encoding in ("utf-8", "utf-16-be with mark"):
            assert list(csv_names(encoded("\r\n".join(written), encoding))) == written


def test_file_is_read_from_its_beginning() -> None:
    """A file that was just written, its position at the end, is read whole, and stays open."""
    file = BytesIO()
    file.write(b"a@x.com\n")
    assert [*csv_names(file), *csv_names(file)] == ["a@x.com", "a@x.com"]
    assert not file.closed


@pytest.mark.parametrize(
    ("piece", "count"),
    [
        (b"x", 2_000_000),
        (b'"', 2_000_000),
        (b"\0", 2_000_000),
        (b",", 2_000_000),
        ("ü".encode(), 1_000_000),
        (b"\n", 20_000),
        (b'"\n', 20_000),
        (b"\r#", 20_000),
        (b"a@x.com\n", 20_000),
        (b'",a@x.com\n' + b"\n" * 99, 200),
    ],
)
def test_hostile_file_takes_little_memory(piece: bytes, count: int) -> None:
    """The same thing repeatedly, with many line ends or none, takes little memory at any time."""
    file = BytesIO(b"UPN,x\n" + piece * count)
    tracemalloc.start()
    try:
        for _ in csv_names(file):
            pass
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_hash_in_the_first_of_several_columns(separator: str) -> None:
    """K3: whatever separates the fields, with a space before it or without."""
    text = "UPN,Name\n#a@x.example,Desk\n#b@x.example ,Desk\n".replace(",", separator)
    assert names("sep=|\n" * (separator == "|") + text) == ["#a@x.example", "#b@x.example"]


EXPORTS = {
    "Exchange": "Identity,PrimarySmtpAddress\nAnna Berg,{}\n",
    "Exchange, proxy address": "Name;WindowsEmailAddress\nAnna Berg;SMTP:{}\n",
    "old script": 'DisplayName,SipAddress\nAnna,"sip:{}"\n',
    "Teams": "Display name\tSip address\nAnna\tSIP:{}\n",
    "on-premises directory": "name,msRTCSIP-PrimaryUserAddress\nAnna,sip:{}\n",
    "MSOnline": "DisplayName,Sign-in Name\nAnna,{}\n",
    "admin center": '"Display name","User principal name","Object Id"\n"Anna","{}","1"\n',
    "Entra, invite template": (
        "version:v1.0,\nMember object ID or user principal name [memberObjectIdOrUpn] Required,\n"
        "Example: 9832aad8-e4fe-496b-a604-95c6eF01ae75,\n{},\n"
    ),
    "Entra, create template": (
        "version:v1.0\nName [displayName] Required,User name [userPrincipalName] Required\n"
        "Example: Chris Green,chris@contoso.com\nAnna,{}\n"
    ),
    "Entra, in German, by Excel": (
        "version:v1.0;\r\nName [displayName] Erforderlich;Benutzername [userPrincipalName] Erforderlich\r\n"
        "Anna;{}\r\n"
    ),
}


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
@pytest.mark.parametrize("marks", [0, 2])
def test_exports_of_microsofts_tools(text: str, marks: int) -> None:
    """K5, K12: lists as Exchange, Teams, Entra and old scripts write them are read, also after two marks."""
    assert names("\ufeff" * marks + text.format("anna@contoso.com")) == ["anna@contoso.com"]


def test_only_the_examples_row_of_a_template_is_skipped() -> None:
    """K12: one that may be a user's is a bad line, and so is an example anywhere else."""
    header = "version:v1.0\nName [displayName],User name [userPrincipalName] Required\n"
    seems = BadLine(3, "the template's example, it seems: delete this line")
    assert names(f"{header}Beispiel: Chris,c@x.com\nExample: Anna,a@x.com\n") == [seems, "a@x.com"]


TOLL, FREE = "+15550101", "+18000101"


def users_in(text: str) -> list[CsvUser | BadLine]:
    """What the rows of a file say."""
    return list(csv_users(BytesIO(text.encode())))


@pytest.mark.parametrize("header", ["TollNumber", "tollnumber", " Toll Number ", "TOLL NUMBER"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_each_row_may_have_numbers(header: str, delimiter: str) -> None:
    """In any spelling of a number, marked as text or not; an empty field, or a missing one, is none."""
    rows = [
        ["UPN", header, "TollFreeNumber"],
        ["a@x.example", "'+1 (555) 0101", "tel:+18000101"],
        ["b@x.example", "15550101", ""],
        ["c@x.example", " "],
        ["d@x.example"],
    ]
    assert users_in("\n".join(delimiter.join(row) for row in rows)) == [
        CsvUser(2, "a@x.example", OwnNumbers(TOLL, FREE, 2)),
        CsvUser(3, "b@x.example", OwnNumbers(TOLL, None, 3)),
        CsvUser(4, "c@x.example"),
        CsvUser(5, "d@x.example"),
    ]


def test_a_field_that_is_no_number_is_told_with_line_column_and_value() -> None:
    """The line yields no user: nobody gets another number than the file says."""
    text = f"UPN,TollFreeNumber,TollNumber\na@x.example,,{TOLL}\nb@x.example,,0049 30\n"
    wrong = "'0049 30': a number such as +14255550100 is needed, with its country code"
    assert users_in(text) == [
        CsvUser(2, "a@x.example", OwnNumbers(TOLL, None, 2)),
        BadLine(3, f"column TollNumber: {wrong}"),
    ]
    with pytest.raises(InputError, match="line 1: column TollNumber is there twice"):
        users_in("UPN,TollNumber,toll number\na@x.example,,\n")


@pytest.mark.parametrize("header", ["toll_number", "Toll-Number", "number_before", "ServiceNumber"])
def test_columns_of_other_files_are_no_wish(header: str) -> None:
    """What `acp saved` and the MicrosoftTeams module write is what a user had."""
    assert users_in(f"user,{header}\na@x.example,{TOLL}\n") == [CsvUser(2, "a@x.example")]


def test_a_user_named_twice_has_one_number() -> None:
    """In either case of letters; two different ones are refused with both lines."""
    same = [
        CsvUser(2, "A@x", OwnNumbers(TOLL, None, 2)),
        CsvUser(3, "a@x", OwnNumbers(TOLL, None, 3)),
    ]
    assert own_numbers([*same, CsvUser(4, "a@x")]) == {"a@x": OwnNumbers(TOLL, None, 2)}
    other = CsvUser(5, "a@X", OwnNumbers(TOLL, FREE, 5))
    with pytest.raises(InputError, match=r"^lines 2 and 5 give 'a@X' different numbers: toll"):
        own_numbers([*same, other])
